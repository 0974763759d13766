import type { TrialRow } from '../tables/columns.js';
import { valid } from '../tables/summarise.js';
import { estimateTrialMs, roundOrder, type Timing } from '../trials/plan.js';
import { number } from '../words/units.js';
import { type Arm, final, screening } from './arms.js';
import { armName } from './decide.js';
import { type Difference, Evidence, upper } from './evidence.js';

/**
 * Racing: all arms are measured once a block, in random order, and those that cannot be the best leave early, so that the time goes
 * to those that can. An arm leaves on evidence; when the time does not reach for that, the slower half leaves ("forced").
 * The finalists run longer trials until the time is up.
 */
export interface RaceOptions {
  readonly arms: readonly Arm[];
  /** Milliseconds on `clock` at which the race must be over. */
  readonly untilMs: number;
  readonly clock: () => number;
  readonly cores: number;
  readonly seed: number;
  readonly measure: (arm: Arm, turn: Turn) => Promise<TrialRow>;
  /** Called with every trial as soon as there is one. */
  readonly keep: (trial: TrialRow) => void;
  /** What arms have been measured to break, by name: they are out whatever their rate. */
  readonly violations: (
    trials: readonly TrialRow[],
    running: readonly Arm[],
  ) => Promise<ReadonlyMap<string, string>>;
  readonly say: (event: RaceEvent) => void;
  readonly signal: AbortSignal;
}

export interface Turn {
  readonly block: number;
  readonly order: number;
  readonly timing: Timing;
}

export type RaceEvent =
  | { readonly kind: 'trial'; readonly trial: TrialRow; readonly left: number; readonly block: number }
  | {
      readonly kind: 'block';
      readonly block: number;
      readonly left: readonly string[];
      readonly final: boolean;
    };

export interface RaceResult {
  readonly trials: readonly TrialRow[];
  /** Arms that were in the race to its end. */
  readonly finalists: readonly Arm[];
  /** Arms that left it, and why. */
  readonly left: ReadonlyMap<string, string>;
  /** Blocks of the final; fewer than ten say less. */
  readonly finalBlocks: number;
  /** What every arm in as many blocks as the finalists would have taken, milliseconds. */
  readonly fullGridMs: number;
}

/** Blocks until the first arm may leave on evidence. */
const leastBlocks = 3;
const mostScreeningBlocks = 6;
/** Blocks that finalists get where the time allows. */
const finalBlocksWanted = 10;
const mostFinalBlocks = 24;
const mostFinalists = 5;
/** Of the time that is left, what the screening may take. */
const screeningShare = 0.5;
/** And what of the time that is left its finalists may be reckoned to take; the baseline has the rest. */
const finalShare = 0.7;
/** No noise of a trial was ever seen to be a factor of two. */
const hopeless = Math.log(0.5);
/** How far an arm may exceed its bound: a document's first times, by which it is reckoned, are its slowest. */
const boundSlack = 1.6;
const significance = 0.05;

export async function race(options: RaceOptions): Promise<RaceResult> {
  const field = new Field(options);
  for (let block = 1; block <= mostScreeningBlocks && field.open && field.crowded; block++) {
    if (!(await field.block(block, screening))) break;
    field.dropHopeless();
    if (block >= leastBlocks) field.dropSlower();
    field.fitScreening(block);
    options.say({ kind: 'block', block, left: field.running.map(nameOf), final: false });
  }
  field.keepFinalists();
  let finalBlocks = 0;
  while (finalBlocks < mostFinalBlocks && field.open && field.fits(final)) {
    finalBlocks++;
    await field.block(field.blocks + 1, final);
    if (finalBlocks >= leastBlocks) field.dropSlower();
    options.say({ kind: 'block', block: field.blocks, left: field.running.map(nameOf), final: true });
    if (finalBlocks >= finalBlocksWanted && field.settled) break;
  }
  return {
    trials: field.trials,
    finalists: field.running,
    left: field.left,
    finalBlocks,
    fullGridMs: field.gridMs(finalBlocks),
  };
}

export function nameOf({ cell }: Arm): string {
  return armName({ strategy: cell.strategy.strategy.name, workers: cell.workers, delivery: cell.delivery });
}

/** The arms that are still in it, what they did, and the clock. */
class Field {
  readonly #options: RaceOptions;
  readonly trials: TrialRow[] = [];
  readonly left = new Map<string, string>();
  running: readonly Arm[];
  blocks = 0;
  /** Those that may not be chosen; of them only the baseline is still measured. */
  readonly #barred = new Set<string>();
  /** What trials took ÷ what they were expected to. */
  #pace = { spentMs: 0, expectedMs: 0 };

  constructor(options: RaceOptions) {
    this.#options = options;
    this.running = options.arms;
  }

  /** Whether there is anything to go on with. */
  get open(): boolean {
    const { signal, clock, untilMs } = this.#options;
    return !signal.aborted && this.running.length > 0 && clock() < untilMs;
  }

  /** One trial of every arm that is still in it, in random order. @returns whether there was time for all of them */
  async block(block: number, timing: Timing): Promise<boolean> {
    const { seed, signal, clock, untilMs } = this.#options;
    this.blocks = block;
    const shuffled = roundOrder(this.running, { seed, round: block });
    // In the first block those come first that may become the best: what they do spares the others their turn.
    const most = Math.max(...shuffled.map(({ bound }) => bound));
    const queue =
      block > 1
        ? shuffled
        : [
            ...shuffled.filter(({ bound }) => 2 * bound >= most),
            ...shuffled.filter(({ bound }) => 2 * bound < most),
          ];
    for (const [i, arm] of queue.entries()) {
      if (signal.aborted) return false;
      const late = clock() + this.#costMs(arm, timing) > untilMs;
      if (late && block > 1) return false;
      if (late && this.trials.some(valid)) {
        this.#drop(arm, 'no time was left to measure it');
        continue;
      }
      const reason = block === 1 ? this.#outOfReach(arm) : null;
      if (reason !== null) this.#drop(arm, reason);
      else await this.#trial(arm, { block, order: i + 1, timing });
    }
    for (const [name, reason] of await this.#options.violations(this.trials, this.running)) {
      const arm = this.running.find((arm) => nameOf(arm) === name);
      this.#barred.add(name);
      if (arm !== undefined && name !== baseline) this.#drop(arm, reason);
    }
    return true;
  }

  async #trial(arm: Arm, turn: Turn): Promise<void> {
    const { clock, measure, keep, say, cores, signal } = this.#options;
    const startedMs = clock();
    const trial = await measure(arm, turn);
    if (trial.status === 'failed' && signal.aborted) return; // a trial that was killed from the keyboard says nothing of its strategy
    this.#pace = {
      spentMs: this.#pace.spentMs + clock() - startedMs,
      expectedMs: this.#pace.expectedMs + estimateTrialMs(arm.cell, turn.timing, cores),
    };
    this.trials.push(trial);
    keep(trial);
    if (trial.status === 'failed') this.#drop(arm, `failed: ${trial.reason}`);
    say({ kind: 'trial', trial, left: this.running.length, block: turn.block });
  }

  #costMs({ cell }: Arm, timing: Timing): number {
    const { spentMs, expectedMs } = this.#pace;
    return estimateTrialMs(cell, timing, this.#options.cores) * (expectedMs > 0 ? spentMs / expectedMs : 1);
  }

  #blockMs(arms: readonly Arm[], timing: Timing): number {
    return arms.reduce((sum, arm) => sum + this.#costMs(arm, timing), 0);
  }

  /** Whether another block would be over in time. */
  fits(timing: Timing): boolean {
    return this.#options.clock() + this.#blockMs(this.running, timing) <= this.#options.untilMs;
  }

  /** What so many final blocks of all arms would take, three of screening before. */
  gridMs(finalBlocks: number): number {
    const { arms } = this.#options;
    return leastBlocks * this.#blockMs(arms, screening) + finalBlocks * this.#blockMs(arms, final);
  }

  /** The baseline is measured to the end while that costs little, and no place of a final is its own. */
  get #contenders(): readonly Arm[] {
    return this.running.filter((arm) => nameOf(arm) !== baseline);
  }

  /** Whether there are more than a final has room for. */
  get crowded(): boolean {
    return this.#contenders.length > this.places;
  }

  /** Whether nothing is left to be told apart: all that may be chosen, but for the best, is slower. */
  get settled(): boolean {
    const evidence = this.#evidence();
    const best = this.#best(evidence);
    return this.running.map(nameOf).every((name) => {
      const difference =
        best === null || name === best || this.#barred.has(name) ? null : evidence.difference(name, best);
      return difference === null || upper(difference, significance) < 0;
    });
  }

  /** How many arms a final of enough blocks has room for, the slowest thought in; two at least. */
  get places(): number {
    const leftMs = this.#options.untilMs - this.#options.clock();
    const mean = this.#blockMs(this.running, final) / this.running.length;
    return Math.max(
      2,
      Math.min(mostFinalists, Math.floor((finalShare * leftMs) / (finalBlocksWanted * mean))),
    );
  }

  #evidence(): Evidence {
    return new Evidence(scoresOf(this.trials));
  }

  /** The best of those that are still in it, have a rate and may be chosen. */
  #best(evidence: Evidence): string | null {
    const rated = this.running
      .map(nameOf)
      .filter((name) => evidence.blocks(name) > 0 && !this.#barred.has(name));
    return rated.length === 0 ? null : evidence.best(rated);
  }

  /** By what it could do at the very most, against what another has done already. */
  #outOfReach(arm: Arm): string | null {
    if (nameOf(arm) === baseline) return null;
    const rates = this.trials.filter(valid).map(({ documents_per_second }) => documents_per_second);
    const best = Math.max(0, ...rates);
    if (arm.bound * boundSlack >= best) return null;
    return `out of reach: ${arm.cell.workers} at a time give at most about ${number(arm.bound)} documents/s, another had ${number(best)}`;
  }

  /** Below half of the best there is nothing to wait for: the documents are finer than such an arm can afford. */
  dropHopeless(): void {
    this.#dropWhere('far slower', (difference) => difference.mean < hopeless);
  }

  /** Those that are shown to be slower than the best, each arm at its share of the error. */
  dropSlower(): void {
    const alpha = significance / Math.max(1, this.#options.arms.length - 1);
    this.#dropWhere('slower', (difference) => upper(difference, alpha) < 0);
  }

  #dropWhere(word: string, isOut: (difference: Difference) => boolean): void {
    const evidence = this.#evidence();
    const best = this.#best(evidence);
    if (best === null) return;
    for (const arm of this.#contenders) {
      const difference = nameOf(arm) === best ? null : evidence.difference(nameOf(arm), best);
      if (difference !== null && isOut(difference))
        this.#drop(
          arm,
          `${word}: ${number(Math.exp(difference.mean))} of the rate of \`${best}\` after ${difference.n} ${difference.n === 1 ? 'block' : 'blocks'}`,
        );
    }
    const sequential = this.running.find((arm) => nameOf(arm) === baseline);
    const dear =
      sequential !== undefined &&
      this.running.length > 1 &&
      this.#costMs(sequential, final) > 2 * this.#meanCost(this.#contenders);
    const difference =
      sequential === undefined || best === baseline ? null : evidence.difference(baseline, best);
    if (sequential !== undefined && dear && difference !== null && isOut(difference))
      this.#drop(sequential, `${word}: ${number(Math.exp(difference.mean))} of the rate of \`${best}\``);
  }

  #meanCost(arms: readonly Arm[]): number {
    return this.#blockMs(arms, final) / Math.max(1, arms.length);
  }

  /** Halves the field when the blocks that are to come would take more than their share of the time. */
  fitScreening(block: number): void {
    const leftMs = this.#options.untilMs - this.#options.clock();
    const more = Math.max(1, leastBlocks - block);
    while (
      this.#contenders.length > this.places &&
      more * this.#blockMs(this.running, screening) > screeningShare * leftMs
    ) {
      this.#keep(Math.max(this.places, Math.ceil(this.#contenders.length / 2)), 'halved for want of time');
    }
  }

  keepFinalists(): void {
    this.#keep(this.places, 'not among the finalists');
  }

  #keep(count: number, why: string): void {
    const evidence = this.#evidence();
    const left = [...this.#contenders];
    while (left.length > 0) {
      const rated = left.map(nameOf).filter((name) => evidence.blocks(name) > 0);
      const best = rated.length === 0 ? nameOf(left[0] as Arm) : evidence.best(rated);
      const [arm] = left.splice(
        left.findIndex((arm) => nameOf(arm) === best),
        1,
      );
      if (count-- <= 0) this.#drop(arm as Arm, why);
    }
  }

  #drop(arm: Arm, reason: string): void {
    this.running = this.running.filter((other) => other !== arm);
    this.left.set(nameOf(arm), reason);
  }
}

const baseline = armName({ strategy: 'sequential', workers: 1, delivery: 'none' });

function scoresOf(trials: readonly TrialRow[]) {
  return trials
    .filter(valid)
    .map((trial) => ({ arm: armName(trial), block: trial.round, log: Math.log(trial.documents_per_second) }));
}
