import { isNonEmpty } from '../../stats/group-by.js';
import type { Family } from '../../stats/moderated.js';
import { isOk, type OkTrial, type TrialRow } from '../../tables/trial-columns.js';
import { configurationName } from '../../verdict/configurations.js';
import { type Configuration, nameOf, titles } from '../configurations.js';
import { best } from '../evidence.js';
import {
  byRate,
  cpuMsPerDocument,
  evidenceOf,
  isSlower,
  meetsDemand,
  type Rule,
  reasonOf,
} from './dropping.js';
import type { RaceOptions } from './options.js';

/** Why a configuration has no trial where the race ended, or was interrupted, within its first block. */
export const overBefore = 'the race ended before its first trial';

/** The configurations that are still in the race, judged by the trials so far; time plays no part here. */
export class Standings {
  readonly #options: Pick<RaceOptions, 'configurations' | 'baseline' | 'demandPerSecond'>;
  readonly trials: TrialRow[] = [];
  /** Why each of the others left, by name. */
  readonly left = new Map<string, string>();
  readonly title: (one: Configuration) => string;
  running: readonly Configuration[];
  /** Names of configurations that may not be chosen. Only the baseline is still measured after that. */
  readonly #barred = new Set<string>();

  constructor(options: RaceOptions) {
    this.#options = options;
    this.title = titles(options.configurations);
    this.running = options.configurations;
  }

  /** The running configurations, as people read them. */
  get titles(): string[] {
    return this.running.map(this.title);
  }

  /** Trials of all but the baseline, which may break a constraint and cannot be what others must reach. */
  get contenders(): readonly TrialRow[] {
    return this.trials.filter((trial) => configurationName(trial) !== this.#options.baseline);
  }

  /** How many configurations beside the baseline have a rate. */
  get compared(): number {
    return new Set(this.contenders.filter(isOk).map(configurationName)).size;
  }

  /** All but the baseline, which takes no place in the final. */
  get withoutBaseline(): readonly Configuration[] {
    return this.running.filter((one) => !this.isBaseline(one));
  }

  isBaseline(configuration: Configuration): boolean {
    return nameOf(configuration) === this.#options.baseline;
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

  /** Bars a configuration from being chosen. All but the baseline leave the race with that. */
  bar(name: string, reason: string): void {
    const configuration = this.running.find((one) => nameOf(one) === name);
    this.#barred.add(name);
    if (configuration !== undefined && !this.isBaseline(configuration)) this.drop(configuration, reason);
  }

  drop(configuration: Configuration, reason: string): void {
    this.running = this.running.filter((other) => other !== configuration);
    this.left.set(nameOf(configuration), reason);
  }

  /** Drops the configurations that a rule drops, and that are not exempt from it. */
  dropBy(rule: Rule, isExempt: (one: Configuration) => boolean): void {
    const evidence = evidenceOf(this.trials);
    const fastest = this.#best(evidence);
    if (fastest === null) return;
    for (const configuration of this.running) {
      const name = nameOf(configuration);
      const difference = name === fastest ? null : evidence.difference(name, fastest);
      if (difference === null || !rule.drops(difference)) continue;
      if (this.#keepsUp(configuration)) continue;
      if (isExempt(configuration)) continue;
      this.drop(configuration, reasonOf(rule, difference, fastest));
    }
  }

  /** True if a rate is demanded and the configuration reaches it: it may then be slower than others. */
  #keepsUp(configuration: Configuration): boolean {
    const { demandPerSecond } = this.#options;
    return demandPerSecond !== undefined && meetsDemand(this.trialsOf(configuration), demandPerSecond);
  }

  trialsOf(configuration: Configuration): OkTrial[] {
    const name = nameOf(configuration);
    return this.trials.filter(isOk).filter((trial) => configurationName(trial) === name);
  }

  /** Keeps this many of the best beside the baseline, and drops the others. */
  keep(count: number, why: string): void {
    const ordered = this.#inOrder();
    const evidence = evidenceOf(this.trials);
    for (const configuration of ordered.slice(count))
      this.drop(configuration, evidence.rounds(nameOf(configuration)) === 0 ? overBefore : why);
  }

  /**
   * The best come first: the fastest, and then, where a rate is demanded, configurations that keep up with it
   * by the CPU time that they need.
   */
  #inOrder(): Configuration[] {
    const [fastest, ...others] = byRate(this.withoutBaseline, evidenceOf(this.trials));
    if (fastest === undefined) return [];
    const frugal = others
      .filter((one) => this.#keepsUp(one))
      .map((one) => ({ one, cpuMs: cpuMsPerDocument(this.trialsOf(one)) }))
      .sort((a, b) => (a.cpuMs < b.cpuMs ? -1 : a.cpuMs > b.cpuMs ? 1 : 0))
      .map(({ one }) => one);
    return [fastest, ...frugal, ...others.filter((one) => !frugal.includes(one))];
  }
}
