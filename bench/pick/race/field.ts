import { isOk, type TrialRow } from '../../tables/trial-columns.js';
import type { Timing } from '../../trials/timing.js';
import { configurationName } from '../../verdict/configurations.js';
import { type Configuration, nameOf } from '../configurations.js';
import { blockOrder } from './block.js';
import { Budget } from './budget.js';
import { excessOf, farSlower, outOfReach, type Rule, slowerAmong } from './dropping.js';
import type { NotMeasured, RaceOptions, Turn } from './options.js';
import { overBefore, Standings } from './standings.js';

/** Blocks that must be measured before a configuration may leave on evidence. */
export const minBlocks = 3;
/** The first block begins with the baseline if its trial takes at most this share of the remaining time. */
const firstTrialShare = 0.25;
/** Fewer configurations beside the baseline leave nothing to compare in later blocks. */
const minCompared = 2;
/** Share of the remaining time that two more trials of an expensive baseline may take. */
const baselineShare = 0.15;
/** Share of the remaining time that another block may take where the screening has had its time. */
const extraShare = 0.25;

/**
 * A trial that other processes disturbed counts all the same, and is marked busy. Repeating it would cost a
 * trial of another configuration, and the blocks to come average it out.
 */
function counted(trial: TrialRow): TrialRow {
  return trial.status === 'void' ? { ...trial, status: 'ok', reason: null, busy: true } : trial;
}

/** Measures the configurations block by block, and drops those for which the time is too short. */
export class Field {
  readonly #options: RaceOptions;
  readonly #budget: Budget;
  readonly standings: Standings;
  /** Configurations without a trial of which it is known that they cannot win. */
  readonly #outOfReach = new Set<string>();
  /** The highest rate that each configuration could reach by the survey, by name. */
  readonly #boundOf: ReadonlyMap<string, number>;
  blocks = 0;

  constructor(options: RaceOptions) {
    this.#options = options;
    this.#boundOf = new Map(options.configurations.map((one) => [nameOf(one), one.maxRate]));
    this.#budget = new Budget(options);
    this.standings = new Standings(options);
  }

  /** True if the race can go on. */
  get open(): boolean {
    return !this.#options.signal.aborted && this.standings.running.length > 0 && this.#budget.leftMs > 0;
  }

  /**
   * Measures one trial of every running configuration. @returns false if the time did not suffice for all
   * of them
   */
  async block(block: number, timing: Timing): Promise<boolean> {
    const { seed, signal, baseline, demandPerSecond } = this.#options;
    this.blocks = block;
    const baselineFirst = this.#isQuick(
      this.standings.running.find((one) => this.standings.isBaseline(one)),
      timing,
    );
    const order = blockOrder(this.standings.running, { seed, block, baseline, baselineFirst });
    for (const [i, configuration] of order.entries()) {
      if (signal.aborted) return false;
      if (!this.standings.running.includes(configuration)) continue;
      const savesTime =
        block === 1 && !this.standings.isBaseline(configuration) && this.standings.compared >= minCompared;
      const leftMs = savesTime ? this.#budget.firstBlockLeftMs(this.#laterBlocksMs) : this.#budget.leftMs;
      const late = this.#budget.trialMs(configuration, timing) > leftMs;
      if (!this.#budget.hasCallsFor([configuration], timing, { next: block })) {
        if (block > 1) return false;
        this.standings.drop(configuration, 'no calls of the task were left (--max-calls)');
        continue;
      }
      if (late && block > 1) return false;
      if (late && this.standings.trials.some(isOk)) {
        this.standings.drop(configuration, 'no time was left');
        continue;
      }
      const reason =
        block > 1 || this.standings.isBaseline(configuration)
          ? null
          : outOfReach(configuration, {
              trials: this.standings.contenders,
              demandPerSecond,
              excess: excessOf(this.standings.trials, this.#boundOf),
            });
      if (reason !== null) {
        this.#outOfReach.add(nameOf(configuration));
        this.standings.drop(configuration, reason);
      } else
        await this.#trial(configuration, {
          block,
          order: i + 1,
          timing,
          timeoutMs: this.#budget.patienceMs(configuration, timing),
        });
    }
    await this.#dropViolations();
    return true;
  }

  #isQuick(one: Configuration | undefined, timing: Timing): boolean {
    return one !== undefined && this.#budget.trialMs(one, timing) <= firstTrialShare * this.#budget.leftMs;
  }

  async #trial(configuration: Configuration, turn: Turn): Promise<void> {
    const { clock, measure, keep, say, signal } = this.#options;
    const startedMs = clock();
    const trial = counted(await measure(configuration, turn));
    // A trial that was interrupted from the keyboard says nothing about its strategy.
    if (trial.status === 'failed' && signal.aborted) return;
    this.#budget.spent(configuration, { startedMs, timing: turn.timing });
    this.#budget.called(configuration, trial, turn);
    this.standings.trials.push(trial);
    keep(trial);
    if (trial.status === 'failed') this.standings.drop(configuration, `failed: ${trial.reason}`);
    if (trial.status === 'failed' && clock() - startedMs >= turn.timeoutMs) this.#dropLike(configuration);
    say({ kind: 'trial', trial, left: this.standings.running.length, block: turn.block });
  }

  /**
   * Others of the strategy with more at a time would not answer either, and waiting for each of them takes
   * long.
   */
  #dropLike(silent: Configuration): void {
    const { strategy, workers } = silent.cell;
    const { concurrency } = strategy.strategy;
    const min = concurrency === 'in flight' ? 2 : workers;
    const like = this.standings.running.filter(
      ({ cell }) => cell.strategy === strategy && cell.workers >= min,
    );
    for (const one of like)
      this.standings.drop(one, `not tried: ${this.standings.title(silent)} never answered`);
  }

  async #dropViolations(): Promise<void> {
    const { trials, running } = this.standings;
    for (const [name, reason] of await this.#options.violations(trials, running))
      this.standings.bar(name, reason);
  }

  /** The time that later blocks of the baseline and of two others take, so that a gain can be shown. */
  get #laterBlocksMs(): number {
    const { screening, firstBlock } = this.#options.timing;
    const trialsMs = (those: readonly Configuration[]) => this.#budget.blockMs(those, screening);
    const { configurations } = this.#options;
    const baseline = configurations.filter((one) => this.standings.isBaseline(one));
    const othersMs = trialsMs(configurations) - trialsMs(baseline);
    const meanMs = othersMs / Math.max(1, configurations.length - baseline.length);
    return firstBlock.laterBlocks * (trialsMs(baseline) + minCompared * meanMs);
  }

  /**
   * Drops the slowest finalists where even short trials leave no time for as many blocks as evidence needs:
   * two configurations in three blocks show more than three in two.
   */
  makeRoom(): void {
    const needed = minBlocks - this.blocks;
    if (needed <= 0) return;
    while (this.#fitting(needed) === null && this.standings.running.length > 2)
      this.standings.keep(this.standings.withoutBaseline.length - 1, 'dropped because the time was short');
  }

  /**
   * The timing of the final's next block: the longer one, unless only short trials leave the time for as many
   * blocks as evidence needs. Null if no block would end in time, and within the calls of the task.
   */
  get nextTiming(): Timing | null {
    return this.#fitting(minBlocks - this.blocks) ?? this.#fitting(1);
  }

  /** The longer timing with which this many blocks, or one, would end in time; null if there is none. */
  #fitting(blocks: number): Timing | null {
    const { final, screening } = this.#options.timing;
    const at = { next: this.blocks + 1, blocks: Math.max(1, blocks) };
    const { running } = this.standings;
    return [final, screening].find((timing) => this.#budget.hasRoomFor(running, timing, at)) ?? null;
  }

  /**
   * Estimates what this number of final blocks would take with all configurations, after the shortest
   * screening.
   */
  gridMs(finalBlocks: number): number {
    const { configurations, timing } = this.#options;
    const screeningMs = minBlocks * this.#budget.blockMs(configurations, timing.screening);
    return screeningMs + finalBlocks * this.#budget.blockMs(configurations, timing.final);
  }

  /**
   * Configurations of which nothing is known, with the reason: they have no trial, and it is not known either
   * that they cannot win.
   */
  get notMeasured(): readonly NotMeasured[] {
    const measured = new Set(this.standings.trials.map(configurationName));
    return this.#options.configurations
      .filter((one) => !measured.has(nameOf(one)) && !this.#outOfReach.has(nameOf(one)))
      .map((one) => ({ configuration: one, reason: this.standings.left.get(nameOf(one)) ?? overBefore }));
  }

  /** True if more configurations are running than the final has places. */
  get crowded(): boolean {
    return this.standings.withoutBaseline.length > this.#budget.places(this.standings.running);
  }

  dropHopeless(): void {
    this.#dropBy(farSlower);
  }

  dropSlower(): void {
    this.#dropBy(slowerAmong(this.#options.configurations.length));
  }

  #dropBy(rule: Rule): void {
    this.standings.dropBy(rule, (one) => this.standings.isBaseline(one) && !this.#isExpensive(one));
  }

  /**
   * The baseline is measured to the end unless a trial of it costs more than two of the others. Gains over it
   * need some blocks all the same: one of them may be a disturbed one.
   */
  #isExpensive(baseline: Configuration): boolean {
    const others = this.standings.withoutBaseline;
    const missing = minBlocks - this.standings.trialsOf(baseline).length;
    const missingMs = missing * this.#budget.trialMs(baseline, this.#options.timing.screening);
    if (missing > 0 && missingMs <= baselineShare * this.#budget.leftMs) return false;
    const { final } = this.#options.timing;
    const meanMs = this.#budget.blockMs(others, final) / Math.max(1, others.length);
    return others.length > 0 && this.#budget.trialMs(baseline, final) > 2 * meanMs;
  }

  /**
   * Halves the field if the blocks to come would take more than the screening's time, and again until another
   * block is short enough.
   */
  halveToFit(block: number): void {
    const blocksToCome = Math.max(1, minBlocks - block);
    const worse = this.#options.demandPerSecond === undefined ? 'slower half' : 'in the more expensive half';
    const places = () => this.#budget.places(this.standings.running);
    const blockMs = () => this.#budget.blockMs(this.standings.running, this.#options.timing.screening);
    const maxMs = Math.max(this.#budget.screeningLeftMs, extraShare * this.#budget.leftMs);
    let takesTooLong = blocksToCome * blockMs() > this.#budget.screeningLeftMs;
    while (this.standings.withoutBaseline.length > places() && takesTooLong) {
      const half = Math.ceil(this.standings.withoutBaseline.length / 2);
      this.standings.keep(Math.max(places(), half), `${worse}, dropped because the time was short`);
      takesTooLong = blockMs() > maxMs;
    }
  }

  keepFinalists(): void {
    this.standings.keep(this.#budget.places(this.standings.running), 'not among the finalists');
  }
}
