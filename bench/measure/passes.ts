import type { Outcome } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Workload } from '../../workloads/workload.js';
import { quantile } from '../stats/estimate.js';
import { corpusDigest, outcomeDigest } from '../trials/digest.js';
import { changeText, type RunHandlers, type Supplied, type Supply } from '../trials/supply.js';
import { endIdleMs } from './end-idle.js';

export interface PassRecord {
  /** Wall time of each pass, in the order in which they ran. */
  readonly passesMs: readonly number[];
  /**
   * Time at the ends of the passes in which places for documents had nothing left to do, mean over the
   * places; null if the strategy does not time its tasks.
   */
  readonly endIdleMs: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly taskP50Ms: number | null;
  /** All latencies added up, milliseconds. */
  readonly latencySumMs: number;
  /** Time that each worker spent inside the task, all passes together. */
  readonly busyMs: readonly number[];
  readonly outcomesOk: number;
  readonly outcomesFailed: number;
  /** Digest of the last pass in which every result was checked; null if there was no such pass. */
  readonly digest: string | null;
  /**
   * Describes the first document whose outcome differed from the expected one in any pass; null if all
   * outcomes were as expected.
   */
  readonly difference: string | null;
}

export interface PassOptions {
  readonly supply: Pick<Supply, 'documents' | 'fresh' | 'callerReads' | 'changeOf'>;
  readonly workload: Workload;
  /** The digest that each document's outcome must have, in corpus order. */
  readonly expected: readonly string[];
  /** Mean size of a serialized result, bytes; null if it is unknown. */
  readonly resultBytes: number | null;
  readonly workers: number;
  /** A worker runs this many documents at the same time. */
  readonly perWorker: number;
  /**
   * Round of the trial. If not all results are kept, it decides which, so that another trial keeps others.
   */
  readonly round: number;
  /** Number of different documents. The documents after them repeat the first ones. */
  readonly unique: number;
}

/**
 * Feeds the documents to a session. The promise resolves after the last outcome has been emitted, with the
 * session's `runMs`.
 */
export type Run = (documents: Iterable<Supplied>, handlers: RunHandlers) => Promise<number | undefined>;

interface Comparison {
  readonly documents: readonly Supplied[];
  /** Returns the digest of an outcome; null if its result was not kept. */
  readonly digestOf: (outcome: Outcome) => string | null;
}

/**
 * At most this much of the results of a pass is kept. Keeping results until a pass has ended costs time and
 * memory: with results of 2 MB a pass takes twice the time. A program that takes its results one by one does
 * not pay this, so a measurement must not include it.
 */
const maxKeptBytes = 2e6;

/**
 * Records timed passes over a corpus. While the clock runs it only takes times and keeps outcomes; `verify`
 * checks them afterwards. If the results are too large to keep all of them, each pass keeps every n-th, and
 * every pass keeps different ones. `verifyAll` checks all results while no clock runs.
 */
export class Passes {
  readonly #options: PassOptions;
  /** Every `#stride`-th result is kept. */
  readonly #stride: number;
  #next: readonly Supplied[] = [];
  #pass = 0;
  /** The name of each document, or the document itself, was taken at this time. */
  #pulledMs = new Float64Array();
  /** The session got each document at this time: the same array unless the caller reads files. */
  #takenMs = this.#pulledMs;
  #outcomes: Outcome[] = [];
  readonly #passesMs: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #tasksMs: number[] = [];
  readonly #busyMs = new Map<string | null, number>();
  #endIdleMs: number | null = 0;
  #digest: string | null = null;
  #difference: string | null = null;
  #ok = 0;
  #failed = 0;

  constructor(options: PassOptions) {
    const { supply, resultBytes } = options;
    this.#options = options;
    this.#stride = Math.max(1, Math.ceil(((resultBytes ?? 0) * supply.documents.length) / maxKeptBytes));
  }

  /** Makes the documents of the next pass ready. Call it before each pass, while no clock runs. */
  prepare(): void {
    const { documents, fresh, callerReads } = this.#options.supply;
    this.#next = fresh(documents);
    this.#pulledMs = new Float64Array(documents.length);
    this.#takenMs = callerReads ? new Float64Array(documents.length) : this.#pulledMs;
    this.#outcomes = [];
    this.#pass++;
  }

  /** Runs one pass and times it. */
  async time(run: Run): Promise<void> {
    const pulledMs = this.#pulledMs;
    const emit = (outcome: Outcome) => {
      this.#latenciesMs.push(now() - (pulledMs[outcome.index] as number));
      this.#outcomes.push(this.#keeps(outcome) ? outcome : withoutResult(outcome));
    };
    const earlier = this.#latenciesMs.length;
    const startedMs = now();
    const ownMs = await run(pull(this.#next, pulledMs), { emit, takenMs: this.#takenMs });
    const wallMs = now() - startedMs;
    this.#passesMs.push(ownMs ?? wallMs);
    // Documents were pulled before the session's own clock started.
    if (ownMs !== undefined) this.#latenciesMs.length = earlier;
  }

  /**
   * Checks the pass that was just timed, then drops its outcomes.
   * @throws Error if a document had no outcome or two.
   */
  verify(): void {
    const { workers, perWorker, workload, supply } = this.#options;
    for (const outcome of this.#outcomes) {
      if (outcome.status === 'ok') this.#ok++;
      else this.#failed++;
      if (outcome.taskMs === null) continue;
      this.#tasksMs.push(outcome.taskMs);
      this.#busyMs.set(outcome.worker, (this.#busyMs.get(outcome.worker) ?? 0) + outcome.taskMs);
    }
    const idle = endIdleMs(this.#outcomes, { pulledMs: this.#takenMs, workers, perWorker });
    this.#endIdleMs = this.#endIdleMs === null || idle === null ? null : this.#endIdleMs + idle;
    const digestOf = (outcome: Outcome) => (this.#keeps(outcome) ? outcomeDigest(outcome, workload) : null);
    this.#compare(this.#outcomes, { documents: supply.documents, digestOf });
    this.#outcomes = [];
  }

  /**
   * Checks every result if they were too large to be kept: runs each document once more, and checks its
   * result when it arrives.
   * @throws Error as `verify` does.
   */
  async verifyAll(run: Run): Promise<void> {
    if (this.#stride === 1) return;
    const { supply, unique, workload } = this.#options;
    const once = supply.documents.slice(0, unique);
    const digests = new Map<Outcome, string>();
    const emit = (outcome: Outcome) => {
      digests.set(withoutResult(outcome), outcomeDigest(outcome, workload));
    };
    await run(supply.fresh(once), { emit });
    this.#compare([...digests.keys()], {
      documents: once,
      digestOf: (outcome) => digests.get(outcome) as string,
    });
  }

  #keeps({ status, index }: Outcome): boolean {
    return status !== 'ok' || (index + this.#pass + this.#options.round) % this.#stride === 0;
  }

  #compare(outcomes: readonly Outcome[], { documents, digestOf }: Comparison): void {
    const { expected, supply } = this.#options;
    const digests = new Array<string | null | undefined>(documents.length);
    for (const outcome of outcomes) {
      const { index, id } = outcome;
      if (digests[index] !== undefined) throw new Error(`document "${id}" had two outcomes in one pass`);
      const digest = digestOf(outcome);
      digests[index] = digest;
      if (digest !== null && digest !== expected[index]) {
        this.#difference ??= changeText(supply, outcome) ?? differenceOf(outcome);
      }
    }
    const missing = documents.find(({ index }) => digests[index] === undefined);
    if (missing) throw new Error(`document "${missing.id}" had no outcome`);
    if (!digests.includes(null)) this.#digest = corpusDigest(digests as string[]);
  }

  get record(): PassRecord {
    return {
      passesMs: this.#passesMs,
      endIdleMs: this.#endIdleMs,
      latencyP50Ms: quantile(this.#latenciesMs, 0.5),
      latencyP95Ms: quantile(this.#latenciesMs, 0.95),
      latencyP99Ms: quantile(this.#latenciesMs, 0.99),
      taskP50Ms: quantile(this.#tasksMs, 0.5),
      latencySumMs: this.#latenciesMs.reduce((sum, ms) => sum + ms, 0),
      busyMs: [...this.#busyMs.values()],
      outcomesOk: this.#ok,
      outcomesFailed: this.#failed,
      digest: this.#digest,
      difference: this.#difference,
    };
  }
}

function* pull(documents: readonly Supplied[], pulledMs: Float64Array): Generator<Supplied> {
  for (const document of documents) {
    pulledMs[document.index] = now();
    yield document;
  }
}

function withoutResult(outcome: Outcome): Outcome {
  return outcome.status === 'ok' ? { ...outcome, value: null } : outcome;
}

function differenceOf(outcome: Outcome): string {
  if (outcome.status === 'ok')
    return `the result for document "${outcome.id}" differs from the one that sequential returned`;
  const { id, status, error } = outcome;
  return `document "${id}" ${status}, which did not happen with sequential: ${error.message}`;
}
