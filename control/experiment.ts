import { mean } from '../bench/stats/estimate.js';
import { paired } from '../bench/stats/paired.js';
import { type Welch, welch } from '../bench/stats/welch.js';
import type { Block } from './blocks.js';
import type { Change } from './change.js';
import type { LogRates } from './task-times.js';

/**
 * A paired probe: windows at the number now and at another one alternate, each with the same number of
 * completions, until the rates are known to differ or not to differ enough.
 */

/** Returns the blocks of a window. Three blocks of many documents tell as much as four of few. */
export function windowBlocks(documents: number): number {
  return documents >= 64 ? 3 : 4;
}
/** Windows at the other number before a probe ends without an answer; twice as many where it seems better. */
const maxWindows = 8;
/** A probe with this many windows at the other number also compares each with those around it. */
const minPairs = 4;
/** Likewise, where nothing else counts. */
const minOnlyPairs = 3;
/** A probe asks for this p before the number moves. */
const significance = 0.01;
/** A rise of the rate below this share is not worth more documents at work. */
const minGain = 0.03;
/** A rise that is seen must be at least this: less is chance, whatever p says after several looks. */
const minSeen = 0.02;
/** Documents that only wait in a queue may be taken back unless the rate falls by this share. */
const maxLoss = 0.1;

/** A change of the rate below this share is left to the probe's alternation. */
const minChange = 0.05;

export interface ProbeOptions {
  readonly from: number;
  readonly to: number;
  /** Blocks at `from` that are there already. */
  readonly known: readonly Block[];
  /** The lower number wins unless it is slower, because documents take longer than they need. */
  readonly queueing: boolean;
  /** A window has this many blocks. */
  readonly window: number;
  /** These give the logarithm of a block's rate. */
  readonly rates: LogRates;
  /**
   * Only windows beside each other are compared. The blocks of a window do not tell how much a rate varies
   * where a machine is fast and slow for longer than a window lasts.
   */
  readonly onlyPairs: boolean;
}

export type ProbeAnswer = 'better' | 'not better';

type Comparison = Pick<Welch, 'difference' | 'low' | 'p'>;

export class Experiment {
  readonly from: number;
  readonly to: number;
  readonly queueing: boolean;
  readonly #windows: { readonly from: (readonly Block[])[]; readonly to: (readonly Block[])[] };
  readonly #window: number;
  readonly #rates: LogRates;
  readonly #onlyPairs: boolean;
  #isFull = true;

  constructor({ from, to, known, queueing, window, rates, onlyPairs }: ProbeOptions) {
    this.from = from;
    this.to = to;
    this.queueing = queueing;
    this.#windows = { from: known.length > 0 ? [known] : [], to: [] };
    this.#window = window;
    this.#rates = rates;
    this.#onlyPairs = onlyPairs;
  }

  /**
   * A window at one of the two numbers has ended.
   * @param isFull the number that was allowed was at work. Otherwise the rates are what was done in a time,
   * which tells less: completions come in bursts.
   */
  add(blocks: readonly Block[], isFull: boolean): void {
    const side = blocks[0]?.number === this.to ? 'to' : 'from';
    this.#windows[side].push(blocks);
    this.#isFull &&= isFull;
  }

  /** The blocks at each number. */
  get blocks(): { readonly from: readonly Block[]; readonly to: readonly Block[] } {
    return { from: this.#windows.from.flat(), to: this.#windows.to.flat() };
  }

  /** The rate at the other number ÷ the rate at the first one, as far as it is known. */
  get ratio(): number {
    return Math.exp(mean(this.#ratesAt('to')) - mean(this.#ratesAt('from')));
  }

  /** Returns which way the rate has changed while the probe went on, or null. */
  changed(): Change | null {
    if (this.#onlyPairs) return null;
    for (const side of ['from', 'to'] as const) {
      const rates = this.#ratesAt(side);
      if (rates.length < 2 * this.#window) continue;
      const { difference, p } = welch(rates.slice(-this.#window), rates.slice(0, -this.#window));
      if (p < 0.001 && Math.abs(difference) > minChange) return difference > 0 ? 'rose' : 'fell';
    }
    return null;
  }

  /** Returns null as long as another window can tell more. */
  answer(): ProbeAnswer | null {
    const [from, to] = [this.#ratesAt('from'), this.#ratesAt('to')];
    if (from.length < this.#window || to.length < this.#window) return null;
    const above = (least: number) => this.#comparisons(least);
    const isSure = ({ p }: Comparison) => p < significance;
    if (above(0).some((found) => found.difference > Math.log(1 + minSeen) && isSure(found))) return 'better';
    if (!this.queueing && above(0).some((found) => found.difference < 0 && isSure(found)))
      return 'not better';
    if (this.queueing && above(0).some(({ low }) => low > Math.log(1 - maxLoss))) return 'better';
    const needed = Math.log(this.queueing ? 1 - maxLoss : 1 + minGain);
    if (above(needed).some((found) => found.difference < 0 && isSure(found))) return 'not better';
    const most = (this.ratio > 1 + minGain ? 2 : 1) * maxWindows;
    return to.length >= most * this.#window ? 'not better' : null;
  }

  /** Compares the rates at `to`, less this, with those at `from`: all of them, and within pairs. */
  #comparisons(less: number): Comparison[] {
    const pairs = this.#pairs().map((each) => each - less);
    if (this.#onlyPairs) return pairs.length < minOnlyPairs ? [] : [ofPairs(pairs)];
    const to = this.#ratesAt('to').map((rate) => rate - less);
    const all = welch(to, this.#ratesAt('from'));
    return pairs.length < minPairs ? [all] : [all, ofPairs(pairs)];
  }

  /**
   * What each window at `to` is above the mean of the windows before and after it. A machine that becomes
   * faster or slower meanwhile moves them all.
   */
  #pairs(): number[] {
    const [from, to] = [this.#windowRates('from'), this.#windowRates('to')];
    return to.flatMap((rate, i) => (from[i] === undefined ? [] : [rate - mean(from.slice(i, i + 2))]));
  }

  #windowRates(side: 'from' | 'to'): number[] {
    return this.#windows[side].map((blocks) => mean(blocks.map(this.#rateOf)));
  }

  #ratesAt(side: 'from' | 'to'): number[] {
    return this.blocks[side].map(this.#rateOf);
  }

  get #rateOf(): (block: Block) => number {
    return this.#isFull ? this.#rates.atWork : this.#rates.done;
  }
}

function ofPairs(differences: readonly number[]): Comparison {
  const { mean: difference, low, p } = paired(differences);
  return { difference, low, p };
}
