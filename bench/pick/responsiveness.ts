import type { StrategyTraits } from '../../strategies/strategy.js';
import type { TrialRow } from '../tables/columns.js';
import type { Environment } from '../tables/environment.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { summarise } from '../tables/summarise.js';
import type { Wards } from '../trials/helper-processes.js';
import type { Arm } from './arms.js';
import type { Constraints } from './constraints.js';
import { armName, decide } from './decide.js';
import { measurePing } from './ping.js';
import { nameOf } from './race.js';

export interface ResponsivenessOptions {
  readonly wards: Wards;
  readonly cores: number;
  readonly environment: Environment;
  readonly constraints: Constraints;
  readonly strategies: readonly StrategyTraits[];
}

/**
 * What arms break, during a race. A loop delay is dear to measure, so it is measured of those alone that would be chosen: of the
 * fastest, and when that one breaks the limit of the next, until one keeps to it.
 */
export class Responsiveness {
  readonly #options: ResponsivenessOptions;
  readonly rows: ResponsivenessRow[] = [];

  constructor(options: ResponsivenessOptions) {
    this.#options = options;
  }

  /** @returns by name, why they cannot be chosen */
  async violations(trials: readonly TrialRow[], running: readonly Arm[]): Promise<Map<string, string>> {
    for (;;) {
      const decided = this.#decide(trials, running);
      const untested = decided.state === 'none' ? decided.untested : [];
      const arm = running.find((arm) => untested[0] !== undefined && nameOf(arm) === armName(untested[0]));
      if (arm === undefined) {
        const open = ({ reason }: { reason: string }) => reason !== notMeasured;
        return new Map(decided.disqualified.filter(open).map(({ cell, reason }) => [armName(cell), reason]));
      }
      await this.#test(arm);
    }
  }

  /** Those that may be chosen in the end. */
  async testAll(trials: readonly TrialRow[], finalists: readonly Arm[]): Promise<void> {
    if (this.#options.constraints.loopDelayMs === null) return;
    await this.violations(trials, finalists);
    const decided = this.#decide(trials, finalists);
    const open = decided.disqualified
      .filter(({ reason }) => reason === notMeasured)
      .map(({ cell }) => armName(cell));
    for (const arm of finalists) if (open.includes(nameOf(arm))) await this.#test(arm);
  }

  async #test({ cell }: Arm): Promise<void> {
    const { wards, cores } = this.#options;
    this.rows.push(await measurePing(wards, cell, cores));
  }

  #decide(trials: readonly TrialRow[], running: readonly Arm[]) {
    const { environment, constraints, strategies } = this.#options;
    const own = trials.filter((trial) => running.some((arm) => nameOf(arm) === armName(trial)));
    const names = strategies.map(({ name }) => name);
    const summaries = summarise(own, {
      effectiveCores: environment.cores.effective,
      corpora: environment.corpora,
      strategies: names,
    });
    return decide({ trials: own, summaries, responsiveness: this.rows, constraints, strategies });
  }
}

/** The word of `decide` for who has not been asked. */
const notMeasured = 'loop delay: not measured';
