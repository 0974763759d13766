import { mean } from '../bench/stats/estimate.js';
import { welch } from '../bench/stats/welch.js';
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
/** Windows at the other number before a probe ends without an answer. */
const maxWindows = 8;
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
}

export type ProbeAnswer = 'better' | 'not better';

export class Experiment {
  readonly from: number;
  readonly to: number;
  readonly queueing: boolean;
  readonly blocks: { readonly from: Block[]; readonly to: Block[] };
  readonly #window: number;
  readonly #rates: LogRates;
  #isFull = true;

  constructor({ from, to, known, queueing, window, rates }: ProbeOptions) {
    this.from = from;
    this.to = to;
    this.queueing = queueing;
    this.blocks = { from: [...known], to: [] };
    this.#window = window;
    this.#rates = rates;
  }

  /**
   * A window at one of the two numbers has ended.
   * @param isFull the number that was allowed was at work. Otherwise the rates are what was done in a time,
   * which tells less: completions come in bursts.
   */
  add(blocks: readonly Block[], isFull: boolean): void {
    const side = blocks[0]?.number === this.to ? this.blocks.to : this.blocks.from;
    side.push(...blocks);
    this.#isFull &&= isFull;
  }

  /** The rate at the other number ÷ the rate at the first one, as far as it is known. */
  get ratio(): number {
    return Math.exp(mean(this.#ratesAt('to')) - mean(this.#ratesAt('from')));
  }

  /** Returns which way the rate has changed while the probe went on, or null. */
  changed(): Change | null {
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
    const { difference, low, p } = welch(to, from);
    if (difference > Math.log(1 + minSeen) && p < significance) return 'better';
    if (difference < 0 && p < significance && !this.queueing) return 'not better';
    if (this.queueing && low > Math.log(1 - maxLoss)) return 'better';
    const needed = Math.log(this.queueing ? 1 - maxLoss : 1 + minGain);
    const short = welch(
      to.map((rate) => rate - needed),
      from,
    );
    if (short.difference < 0 && short.p < significance) return 'not better';
    return to.length >= maxWindows * this.#window ? 'not better' : null;
  }

  #ratesAt(side: 'from' | 'to'): number[] {
    return this.blocks[side].map(this.#isFull ? this.#rates.atWork : this.#rates.done);
  }
}
