import type { StrategyTraits } from '../../strategies/strategy.js';
import type { Environment } from '../tables/environment.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { strategiesElsewhere, summarise } from '../tables/summarise.js';
import type { TrialRow } from '../tables/trial-columns.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { configurationName } from '../verdict/configurations.js';
import { type Configuration, nameOf } from './configurations.js';
import type { Constraints } from './constraints.js';
import { decide, loopDelayUnknown } from './decide.js';
import { measurePing } from './ping.js';

export interface ResponsivenessOptions {
  readonly helpers: HelperProcesses;
  readonly cores: number;
  readonly environment: Environment;
  readonly constraints: Constraints;
  readonly strategies: readonly StrategyTraits[];
}

/**
 * Finds the constraints that configurations break, during a race. Measuring a loop delay is expensive, so
 * it is measured only for the configuration that would be chosen: the fastest, and if that breaks the limit
 * the next, until one keeps it.
 */
export class Responsiveness {
  readonly #options: ResponsivenessOptions;
  readonly rows: ResponsivenessRow[] = [];

  constructor(options: ResponsivenessOptions) {
    this.#options = options;
  }

  /** @returns why configurations cannot be chosen, by name */
  async violations(
    trials: readonly TrialRow[],
    running: readonly Configuration[],
  ): Promise<Map<string, string>> {
    for (;;) {
      const decided = this.#decide(trials, running);
      const untested = decided.state === 'none' ? decided.untested : [];
      const [next] = untested;
      const found = running.find((one) => next !== undefined && nameOf(one) === configurationName(next));
      if (found === undefined) {
        const open = ({ reason }: { reason: string }) => reason !== loopDelayUnknown;
        return new Map(
          decided.disqualified.filter(open).map(({ cell, reason }) => [configurationName(cell), reason]),
        );
      }
      await this.#test(found);
    }
  }

  /** Measures the loop delay of every finalist that may be chosen in the end. */
  async testAll(trials: readonly TrialRow[], finalists: readonly Configuration[]): Promise<void> {
    if (this.#options.constraints.loopDelayMs === null) return;
    await this.violations(trials, finalists);
    const decided = this.#decide(trials, finalists);
    const open = decided.disqualified
      .filter(({ reason }) => reason === loopDelayUnknown)
      .map(({ cell }) => configurationName(cell));
    for (const one of finalists) if (open.includes(nameOf(one))) await this.#test(one);
  }

  async #test({ cell }: Configuration): Promise<void> {
    const { helpers, cores } = this.#options;
    this.rows.push(await measurePing(helpers, cell, cores));
  }

  #decide(trials: readonly TrialRow[], running: readonly Configuration[]) {
    const { environment, constraints, strategies } = this.#options;
    const own = trials.filter((trial) => running.some((one) => nameOf(one) === configurationName(trial)));
    const summaries = summarise(own, {
      effectiveCores: environment.cores.effective,
      corpora: environment.corpora,
      strategies,
      elsewhere: strategiesElsewhere(environment, strategies),
    });
    const corpus = environment.corpora[0]?.corpus ?? '';
    return decide({
      trials: own,
      summaries,
      responsiveness: this.rows,
      constraints,
      strategies,
      corpus,
    });
  }
}
