import { isNonEmpty } from '../../stats/group-by.js';
import type { Family } from '../../stats/moderated.js';
import { isOk, type OkTrial, type TrialRow } from '../../tables/trial-columns.js';
import type { Timing } from '../../trials/timing.js';
import { configurationName } from '../../verdict/configurations.js';
import { type Configuration, nameOf, titles } from '../configurations.js';
import { best } from '../evidence.js';
import { blockOrder } from './block.js';
import { Budget } from './budget.js';
import {
  byRate,
  cpuMsPerDocument,
  evidenceOf,
  excessOf,
  farSlower,
  isSlower,
  meetsDemand,
  outOfReach,
  type Rule,
  reasonOf,
  slowerAmong,
} from './dropping.js';
import type { NotMeasured, RaceOptions, Turn } from './options.js';

/** Blocks that must be measured before a configuration may leave on evidence. */
export const minBlocks = 3;
/** Why a configuration has no trial where the race ended, or was interrupted, within its first block. */
const overBefore = 'the race ended before its first trial';
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

/** The configurations that are still in the race, and the trials so far. */
export class Field {
  readonly #options: RaceOptions;
  readonly #budget: Budget;
  readonly trials: TrialRow[] = [];
  readonly left = new Map<string, string>();
  /** Configurations without a trial of which it is known that they cannot win. */
  readonly #outOfReach = new Set<string>();
  /** The highest rate that each configuration could reach by the survey, by name. */
  readonly #boundOf: ReadonlyMap<string, number>;
  readonly #title: (one: Configuration) => string;
  running: readonly Configuration[];
  blocks = 0;
  /** Names of configurations that may not be chosen. Only the baseline is still measured after that. */
  readonly #barred = new Set<string>();

  constructor(options: RaceOptions) {
    this.#options = options;
    this.#boundOf = new Map(options.configurations.map((one) => [nameOf(one), one.maxRate]));
    this.#budget = new Budget(options);
    this.#title = titles(options.configurations);
    this.running = options.configurations;
  }

  /** The running configurations, as people read them. */
  get titles(): string[] {
    return this.running.map(this.#title);
  }

  /** True if the race can go on. */
  get open(): boolean {
    return !this.#options.signal.aborted && this.running.length > 0 && this.#budget.leftMs > 0;
  }

  /**
   * Measures one trial of every running configuration. @returns false if the time did not suffice for all
   * of them
   */
  async block(block: number, timing: Timing): Promise<boolean> {
    const { seed, signal, baseline, demandPerSecond } = this.#options;
    this.blocks = block;
    const baselineFirst = this.#isQuick(
      this.running.find((one) => this.#isBaseline(one)),
      timing,
    );
    const order = blockOrder(this.running, { seed, block, baseline, baselineFirst });
    for (const [i, configuration] of order.entries()) {
      if (signal.aborted) return false;
      if (!this.running.includes(configuration)) continue;
      const savesTime = block === 1 && !this.#isBaseline(configuration) && this.#compared >= minCompared;
      const leftMs = savesTime ? this.#budget.firstBlockLeftMs : this.#budget.leftMs;
      const late = this.#budget.trialMs(configuration, timing) > leftMs;
      if (!this.#budget.hasCallsFor([configuration], timing, block)) {
        if (block > 1) return false;
        this.#drop(configuration, 'no calls of the task were left (--max-calls)');
        continue;
      }
      if (late && block > 1) return false;
      if (late && this.trials.some(isOk)) {
        this.#drop(configuration, 'no time was left');
        continue;
      }
      const reason =
        block > 1 || this.#isBaseline(configuration)
          ? null
          : outOfReach(configuration, {
              trials: this.#contenders,
              demandPerSecond,
              excess: excessOf(this.trials, this.#boundOf),
            });
      if (reason !== null) {
        this.#outOfReach.add(nameOf(configuration));
        this.#drop(configuration, reason);
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
    this.trials.push(trial);
    keep(trial);
    if (trial.status === 'failed') this.#drop(configuration, `failed: ${trial.reason}`);
    if (trial.status === 'failed' && clock() - startedMs >= turn.timeoutMs) this.#dropLike(configuration);
    say({ kind: 'trial', trial, left: this.running.length, block: turn.block });
  }

  /**
   * Others of the strategy with more at a time would not answer either, and waiting for each of them takes
   * long.
   */
  #dropLike(silent: Configuration): void {
    const { strategy, workers } = silent.cell;
    const { concurrency } = strategy.strategy;
    const min = concurrency === 'in flight' ? 2 : workers;
    const like = this.running.filter(({ cell }) => cell.strategy === strategy && cell.workers >= min);
    for (const one of like) this.#drop(one, `not tried: ${this.#title(silent)} never answered`);
  }

  async #dropViolations(): Promise<void> {
    for (const [name, reason] of await this.#options.violations(this.trials, this.running)) {
      const configuration = this.running.find((one) => nameOf(one) === name);
      this.#barred.add(name);
      if (configuration !== undefined && !this.#isBaseline(configuration)) this.#drop(configuration, reason);
    }
  }

  /** Returns true if another block would end in time, and within the calls of the task. */
  fits(timing: Timing): boolean {
    return (
      this.#budget.blockMs(this.running, timing) <= this.#budget.leftMs &&
      this.#budget.hasCallsFor(this.running, timing, this.blocks + 1)
    );
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
    const measured = new Set(this.trials.map(configurationName));
    return this.#options.configurations
      .filter((one) => !measured.has(nameOf(one)) && !this.#outOfReach.has(nameOf(one)))
      .map((one) => ({ configuration: one, reason: this.left.get(nameOf(one)) ?? overBefore }));
  }

  /** Trials of all but the baseline, which may break a constraint and cannot be what others must reach. */
  get #contenders(): readonly TrialRow[] {
    return this.trials.filter((trial) => configurationName(trial) !== this.#options.baseline);
  }

  /** How many configurations beside the baseline have a rate. */
  get #compared(): number {
    return new Set(this.#contenders.filter(isOk).map(configurationName)).size;
  }

  /** All but the baseline, which takes no place in the final. */
  get #withoutBaseline(): readonly Configuration[] {
    return this.running.filter((one) => !this.#isBaseline(one));
  }

  #isBaseline(configuration: Configuration): boolean {
    return nameOf(configuration) === this.#options.baseline;
  }

  /** True if more configurations are running than the final has places. */
  get crowded(): boolean {
    return this.#withoutBaseline.length > this.#budget.places(this.running);
  }

  /** True if nothing is left to find out: all others that may be chosen are slower than the best. */
  get settled(): boolean {
    const evidence = evidenceOf(this.trials);
    const fastest = this.#best(evidence);
    return this.running
      .map(nameOf)
      .filter((name) => name !== fastest && !this.#barred.has(name))
      .every((name) => fastest === null || isSlower(evidence.difference(name, fastest)));
  }

  /** The best of the running configurations that have a rate and may be chosen. */
  #best(evidence: Family): string | null {
    const rated = this.running
      .map(nameOf)
      .filter((name) => evidence.rounds(name) > 0 && !this.#barred.has(name));
    return isNonEmpty(rated) ? best(evidence, rated) : null;
  }

  dropHopeless(): void {
    this.#dropBy(farSlower);
  }

  dropSlower(): void {
    this.#dropBy(slowerAmong(this.#options.configurations.length));
  }

  #dropBy(rule: Rule): void {
    const evidence = evidenceOf(this.trials);
    const fastest = this.#best(evidence);
    if (fastest === null) return;
    for (const configuration of this.running) {
      const name = nameOf(configuration);
      const difference = name === fastest ? null : evidence.difference(name, fastest);
      if (difference === null || !rule.drops(difference)) continue;
      if (this.#keepsUp(configuration)) continue;
      if (this.#isBaseline(configuration) && !this.#isExpensive(configuration)) continue;
      this.#drop(configuration, reasonOf(rule, difference, fastest));
    }
  }

  /** True if a rate is demanded and the configuration reaches it: it may then be slower than others. */
  #keepsUp(configuration: Configuration): boolean {
    const { demandPerSecond } = this.#options;
    return demandPerSecond !== undefined && meetsDemand(this.#trialsOf(configuration), demandPerSecond);
  }

  #trialsOf(configuration: Configuration): OkTrial[] {
    const name = nameOf(configuration);
    return this.trials.filter(isOk).filter((trial) => configurationName(trial) === name);
  }

  /**
   * The baseline is measured to the end unless a trial of it costs more than two of the others. Gains over it
   * need some blocks all the same: one of them may be a disturbed one.
   */
  #isExpensive(baseline: Configuration): boolean {
    const others = this.#withoutBaseline;
    const missing = minBlocks - this.#trialsOf(baseline).length;
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
    const places = () => this.#budget.places(this.running);
    const blockMs = () => this.#budget.blockMs(this.running, this.#options.timing.screening);
    const maxMs = Math.max(this.#budget.screeningLeftMs, extraShare * this.#budget.leftMs);
    let takesTooLong = blocksToCome * blockMs() > this.#budget.screeningLeftMs;
    while (this.#withoutBaseline.length > places() && takesTooLong) {
      const half = Math.ceil(this.#withoutBaseline.length / 2);
      this.#keep(Math.max(places(), half), `${worse}, dropped because the time was short`);
      takesTooLong = blockMs() > maxMs;
    }
  }

  keepFinalists(): void {
    this.#keep(this.#budget.places(this.running), 'not among the finalists');
  }

  #keep(count: number, why: string): void {
    const ordered = this.#inOrder();
    const evidence = evidenceOf(this.trials);
    for (const configuration of ordered.slice(count))
      this.#drop(configuration, evidence.rounds(nameOf(configuration)) === 0 ? overBefore : why);
  }

  /**
   * The best come first: the fastest, and then, where a rate is demanded, configurations that keep up with it
   * by the CPU time that they need.
   */
  #inOrder(): Configuration[] {
    const [fastest, ...others] = byRate(this.#withoutBaseline, evidenceOf(this.trials));
    if (fastest === undefined) return [];
    const frugal = others
      .filter((one) => this.#keepsUp(one))
      .map((one) => ({ one, cpuMs: cpuMsPerDocument(this.#trialsOf(one)) }))
      .sort((a, b) => (a.cpuMs < b.cpuMs ? -1 : a.cpuMs > b.cpuMs ? 1 : 0))
      .map(({ one }) => one);
    return [fastest, ...frugal, ...others.filter((one) => !frugal.includes(one))];
  }

  #drop(configuration: Configuration, reason: string): void {
    this.running = this.running.filter((other) => other !== configuration);
    this.left.set(nameOf(configuration), reason);
  }
}
