import { join } from 'node:path';
import type { CorpusDocument } from '../../workloads/documents.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { WorkloadError } from '../../workloads/workload.js';
import { type CorpusFile, writeNames } from '../trials/corpus-file.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { InFlightFound } from '../trials/in-flight-cost.js';
import type { Inspected, Oracle, OracleRequest } from '../trials/oracle-host.js';
import { oneFileHint } from '../trials/own-task.js';
import { stageCosts } from '../trials/prepare.js';
import type { StageCost } from '../trials/splits.js';
import { duration } from '../words/units.js';

export interface OracleOptions {
  readonly helpers: HelperProcesses;
  readonly task: WorkloadRef;
  /** The module of the strategy whose results all others must equal. */
  readonly baseline: string;
  /** The oracle is ended if a request takes longer. */
  readonly budgetMs: number;
}

export interface RunOptions {
  /** Indices of the documents to run; absent means all. */
  readonly indices?: readonly number[];
  /** No document begins after this much time; absent means that all run. */
  readonly timeMs?: number;
}

/** Documents beside each other are ended after this factor of the time that they were given. */
const patience = 4;

/**
 * A process that runs the task over documents one after the other. It keeps what the task remembers between
 * requests.
 */
export class TaskOracle {
  readonly #options: OracleOptions;
  readonly #helper: Helper;
  /** The task was called this often, apart from `stageCosts`. */
  calls = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
    this.#helper = new Helper(options.helpers, new URL('../trials/oracle-host.js', import.meta.url));
  }

  /** Writes down which files the documents are, so that the oracle and the trials can read them. */
  write(documents: readonly Pick<CorpusDocument, 'id' | 'size' | 'file'>[], name: string): CorpusFile {
    return writeNames(join(this.#options.helpers.folder, name), documents);
  }

  /** What the task says about itself. */
  inspect(): Promise<Inspected> {
    return this.#helper.ask<Inspected>({
      kind: 'inspect',
      workload: this.#options.task,
    } satisfies OracleRequest);
  }

  /** What each stage of the task costs. */
  stageCosts(file: CorpusFile): Promise<readonly StageCost[]> {
    return stageCosts(this.#helper, { ref: this.#options.task, file });
  }

  /**
   * Runs the task over documents. @throws WorkloadError if it takes longer than the budget, or fails on all
   * of them
   */
  async run(corpus: CorpusFile, options: RunOptions = {}): Promise<Oracle> {
    const { task, baseline, budgetMs } = this.#options;
    const request: OracleRequest = {
      kind: 'run',
      workload: task,
      strategy: baseline,
      corpus,
      ...options,
    };
    const found = await this.#helper.ask<Oracle>(request, { timeoutMs: budgetMs }).catch((cause: Error) => {
      if (!cause.message.startsWith('no answer within')) throw cause;
      throw new WorkloadError(
        `task "${task.name}" did not finish its documents in ${duration(budgetMs)}: ` +
          'use a longer --time-budget, or see with forkwise check where it hangs',
      );
    });
    this.calls += found.costsMs.length;
    if (found.failed < found.costsMs.length) return found;
    const hint = oneFileHint(found.costsMs.length);
    throw new WorkloadError(`task "${task.name}" failed on every document; on ${found.failure}${hint}`);
  }

  /**
   * What one document costs beside others on the same thread. A task that hangs beside others is ended.
   * @param strategy the module of a strategy that runs several documents at the same time on its caller's
   * thread
   * @throws HelperDied if the process ended, or took far longer than the time; it can then run nothing more
   */
  async inFlightCost(
    corpus: CorpusFile,
    options: { readonly strategy: string; readonly inFlight: number; readonly timeMs: number },
  ): Promise<InFlightFound> {
    const request: OracleRequest = {
      kind: 'in flight',
      workload: this.#options.task,
      corpus,
      ...options,
    };
    // The last documents begin when the time is over.
    const timeoutMs = patience * options.timeMs;
    const found = await this.#helper.ask<InFlightFound>(request, { timeoutMs });
    this.calls += found.calls;
    return found;
  }

  end(): void {
    this.#helper.end();
  }
}
