import type { Outcome } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document, Workload } from '../../workloads/workload.js';
import { quantile } from '../stats/estimate.js';
import { corpusDigest, outcomeDigest } from '../trials/digest.js';
import type { Fresh } from '../trials/fresh.js';
import { endIdleMs } from './end-idle.js';

export interface PassRecord {
  /** Wall time of each pass, in order. */
  readonly passesMs: readonly number[];
  /** Time at the ends of the passes in which workers had nothing left to do, mean over workers; null where tasks are not timed. */
  readonly endIdleMs: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly taskP50Ms: number | null;
  /** Σ latency, milliseconds. */
  readonly latencySumMs: number;
  /** Time inside the task, by worker, all passes together. */
  readonly busyMs: readonly number[];
  readonly outcomesOk: number;
  readonly outcomesFailed: number;
  /** Of the last pass of which every result was seen; null where there was none. */
  readonly digest: string | null;
  /** What was wrong with the first document whose outcome was not the expected one in some pass; null when all were. */
  readonly difference: string | null;
}

export interface PassOptions {
  readonly documents: readonly Document[];
  readonly fresh: Fresh;
  readonly workload: Workload;
  /** Digest of each document's outcome, in corpus order. */
  readonly expected: readonly string[];
  /** Of one result, on average, serialized; null where it is not known. */
  readonly resultBytes: number | null;
  readonly workers: number;
  /** Which results are kept where not all are: another trial keeps others. */
  readonly round: number;
  /** So many documents come before the first that is one of them again. */
  readonly unique: number;
}

/** Feeds the documents to a session and resolves when the last outcome has been emitted. */
export type Run = (source: Iterable<Document>, emit: (outcome: Outcome) => void) => Promise<void>;

interface Comparison {
  readonly documents: readonly Document[];
  /** Of an outcome; null: its result was not kept. */
  readonly digestOf: (outcome: Outcome) => string | null;
}

/**
 * Results that are kept until a pass has ended cost time and memory that no program pays which takes them one by one: with 2 MB
 * a result, twice the time. So no more than this is kept of a pass.
 */
const maxKeptBytes = 2e6;

/**
 * Records timed passes over a corpus. Inside the clock it only takes times and keeps outcomes; it looks at them in `verify`. Of results
 * that are too large to be kept it keeps every n-th, others in every pass; `verifyAll` sees them all, off the clock.
 */
export class Passes {
  readonly #options: PassOptions;
  /** One result in so many is kept. */
  readonly #stride: number;
  #next: readonly Document[] = [];
  #pass = 0;
  #pulledMs = new Float64Array();
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
    const { documents, resultBytes } = options;
    this.#options = options;
    this.#stride = Math.max(1, Math.ceil(((resultBytes ?? 0) * documents.length) / maxKeptBytes));
  }

  /** Before each pass, outside the clock. */
  prepare(): void {
    const { documents, fresh } = this.#options;
    this.#next = fresh(documents);
    this.#pulledMs = new Float64Array(documents.length);
    this.#outcomes = [];
    this.#pass++;
  }

  /** Times one pass. */
  async time(run: Run): Promise<void> {
    const pulledMs = this.#pulledMs;
    const emit = (outcome: Outcome) => {
      this.#latenciesMs.push(now() - (pulledMs[outcome.index] as number));
      this.#outcomes.push(this.#keeps(outcome) ? outcome : withoutResult(outcome));
    };
    const startedMs = now();
    await run(pull(this.#next, pulledMs), emit);
    this.#passesMs.push(now() - startedMs);
  }

  /**
   * Checks the pass just timed and forgets its outcomes.
   * @throws Error when a document had no outcome or two.
   */
  verify(): void {
    const { workers, workload } = this.#options;
    for (const outcome of this.#outcomes) {
      if (outcome.status === 'ok') this.#ok++;
      else this.#failed++;
      if (outcome.taskMs === null) continue;
      this.#tasksMs.push(outcome.taskMs);
      this.#busyMs.set(outcome.worker, (this.#busyMs.get(outcome.worker) ?? 0) + outcome.taskMs);
    }
    const idle = endIdleMs(this.#outcomes, { pulledMs: this.#pulledMs, workers });
    this.#endIdleMs = this.#endIdleMs === null || idle === null ? null : this.#endIdleMs + idle;
    const digestOf = (outcome: Outcome) => (this.#keeps(outcome) ? outcomeDigest(outcome, workload) : null);
    this.#compare(this.#outcomes, { documents: this.#options.documents, digestOf });
    this.#outcomes = [];
  }

  /** Where results were too large to be kept: once more each document, and every result is checked as it comes. @throws as `verify` */
  async verifyAll(run: Run): Promise<void> {
    if (this.#stride === 1) return;
    const { documents, unique, fresh, workload } = this.#options;
    const once = documents.slice(0, unique);
    const digests = new Map<Outcome, string>();
    await run(fresh(once), (outcome) => {
      digests.set(withoutResult(outcome), outcomeDigest(outcome, workload));
    });
    this.#compare([...digests.keys()], {
      documents: once,
      digestOf: (outcome) => digests.get(outcome) as string,
    });
  }

  #keeps({ status, index }: Outcome): boolean {
    return status !== 'ok' || (index + this.#pass + this.#options.round) % this.#stride === 0;
  }

  #compare(outcomes: readonly Outcome[], { documents, digestOf }: Comparison): void {
    const { expected } = this.#options;
    const digests = new Array<string | null | undefined>(documents.length);
    for (const outcome of outcomes) {
      const { index, id } = outcome;
      if (digests[index] !== undefined) throw new Error(`document "${id}" had two outcomes in one pass`);
      const digest = digestOf(outcome);
      digests[index] = digest;
      if (digest !== null && digest !== expected[index]) this.#difference ??= differenceOf(outcome);
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

function* pull(documents: readonly Document[], pulledMs: Float64Array): Generator<Document> {
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
    return `the result for document "${outcome.id}" is not the one sequential gave`;
  return `document "${outcome.id}" ${outcome.status}, which it did not with sequential: ${outcome.error.message}`;
}
