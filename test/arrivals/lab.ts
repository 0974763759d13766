import { type ArrivalTrialOptions, runArrivalTrial } from '../../bench/arrivals/arrival-trial.js';
import type { ArrivalRow } from '../../bench/tables/arrival-columns.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { HelperProcesses } from '../../bench/trials/helper-processes.js';
import { baselineOf, type Cell, planCells } from '../../bench/trials/plan.js';
import { loadStrategies, prepare } from '../../bench/trials/prepare.js';
import { benchRequest } from '../../bench/trials/request.js';
import { runTrial } from '../../bench/trials/trial.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { workloads } from '../../workloads/index.js';

/** Tests of real open loops share this: cells, closed and open loops are as `bench` measures them. */

export interface Plant {
  /** This is the name of a workload, or the URL of a task module. */
  readonly task: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly strategy: string;
  readonly workers: number;
  readonly documents?: number;
}

export class Lab {
  readonly helpers = new HelperProcesses();

  end(): void {
    this.helpers.end();
  }

  async cell({ task, options = {}, strategy, workers, documents = 60 }: Plant): Promise<Cell> {
    const known = workloads.find(({ name }) => name === task);
    const request = {
      ...benchRequest(
        {
          profile: 'quick',
          workloads: known?.name ?? 'sleep',
          sizes: '1KB',
          workers: `${workers}`,
          documents: `${documents}`,
          seed: '1',
          llmModel: '',
          llmParallel: '1',
        },
        { workloads, strategies, peers },
      ),
      options,
    };
    const chosen =
      known === undefined
        ? { ...request, workloads: [{ name: 'task', url: task, about: 'a task of a test' }] }
        : request;
    const loaded = await loadStrategies(strategies.map(({ url }) => url));
    const baseline = baselineOf(loaded);
    const { workloads: prepared } = await prepare(this.helpers, chosen, { baseline: baseline.url, say() {} });
    const own = loaded.filter((one) => one.strategy.name === strategy);
    const [cell] = planCells({ workloads: prepared, strategies: own, workers: [workers] });
    if (cell === undefined) throw new Error(`expected a strategy that is listed, got "${strategy}"`);
    return cell;
  }

  /** Measures one trial of a closed loop at full load. */
  async closed(cell: Cell, timeMs: number): Promise<TrialRow & { readonly documents_per_second: number }> {
    const trial = await runTrial(this.helpers, cell, {
      place: { runId: 'test', round: 1, order: 1, twin: null, attempt: 1 },
      timing: { timeMs, warmupMs: 600 },
      cores: 2,
      suite: [process.pid],
    });
    if (trial.status === 'failed') throw new Error(trial.reason);
    return { ...trial, documents_per_second: trial.documents_per_second as number };
  }

  /** Measures one trial of an open loop. */
  open(
    cell: Cell,
    {
      rate,
      seconds,
      ...offered
    }: {
      readonly pattern: 'poisson' | 'constant';
      readonly rate: number;
      readonly seconds: number;
      readonly seed: number;
    },
    more: Partial<Pick<ArrivalTrialOptions, 'accept' | 'limitMs'>> = {},
  ): Promise<ArrivalRow> {
    return this.measure(cell, {
      round: 1,
      order: 1,
      offered: {
        ...offered,
        rate,
        documents: Math.round(rate * seconds),
        asked: `${rate}/s`,
        capacity: null,
      },
      accept: null,
      limitMs: null,
      ...more,
    });
  }

  measure(cell: Cell, trial: Omit<ArrivalTrialOptions, 'runId' | 'suite'>): Promise<ArrivalRow> {
    return runArrivalTrial(this.helpers, cell, { ...trial, runId: 'test', suite: [process.pid] });
  }
}
