import { now } from '../../strategies/clock.js';
import type { Outcome } from '../../strategies/strategy.js';
import type { Document, Workload } from '../../workloads/workload.js';
import { corpusDigest, outcomeDigest } from '../digest.js';
import type { Fresh } from '../fresh.js';
import { quantile } from '../stats/estimate.js';

export interface PassRecord {
  /** Wall time of each pass, in order. */
  readonly passesMs: readonly number[];
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
  /** Of the last pass. */
  readonly digest: string;
  /** What was wrong with the first document whose outcome was not the expected one in some pass; null when all were. */
  readonly difference: string | null;
}

export interface PassOptions {
  readonly documents: readonly Document[];
  readonly fresh: Fresh;
  readonly workload: Workload;
  /** Digest of each document's outcome, in corpus order. */
  readonly expected: readonly string[];
}

/** Records timed passes over a corpus. Inside the clock it only takes times and keeps outcomes; it looks at them in `verify`. */
export class Passes {
  readonly #documents: readonly Document[];
  readonly #fresh: Fresh;
  #next: readonly Document[] = [];
  readonly #workload: Workload;
  readonly #passesMs: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #tasksMs: number[] = [];
  readonly #busyMs = new Map<number | null, number>();
  readonly #expected: readonly string[];
  #digest = '';
  #difference: string | null = null;
  #outcomes: Outcome[] = [];
  #ok = 0;
  #failed = 0;

  constructor({ documents, fresh, workload, expected }: PassOptions) {
    this.#documents = documents;
    this.#fresh = fresh;
    this.#workload = workload;
    this.#expected = expected;
  }

  /** Before each pass, outside the clock. */
  prepare(): void {
    this.#next = this.#fresh(this.#documents);
  }

  /** Times one pass. @param run feeds the documents to a session and resolves when the last outcome has been emitted. */
  async time(run: (source: Iterable<Document>, emit: (outcome: Outcome) => void) => Promise<void>): Promise<void> {
    const pulledMs = new Float64Array(this.#documents.length);
    const emit = (outcome: Outcome) => {
      this.#latenciesMs.push(now() - (pulledMs[outcome.index] as number));
      this.#outcomes.push(outcome);
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
    const digests = new Array<string | undefined>(this.#documents.length);
    for (const outcome of this.#outcomes) {
      if (digests[outcome.index] !== undefined) throw new Error(`document "${outcome.id}" had two outcomes in one pass`);
      digests[outcome.index] = outcomeDigest(outcome, this.#workload);
      if (outcome.status === 'ok') this.#ok++;
      else this.#failed++;
      if (outcome.taskMs === null) continue;
      this.#tasksMs.push(outcome.taskMs);
      this.#busyMs.set(outcome.worker, (this.#busyMs.get(outcome.worker) ?? 0) + outcome.taskMs);
    }
    const missing = this.#documents.find(({ index }) => digests[index] === undefined);
    if (missing) throw new Error(`document "${missing.id}" had no outcome`);
    const wrong = this.#outcomes.find(({ index }) => digests[index] !== this.#expected[index]);
    if (wrong) this.#difference ??= differenceOf(wrong);
    this.#digest = corpusDigest(digests as string[]);
    this.#outcomes = [];
  }

  get record(): PassRecord {
    return {
      passesMs: this.#passesMs,
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

function differenceOf(outcome: Outcome): string {
  if (outcome.status === 'ok') return `the result for document "${outcome.id}" is not the one sequential gave`;
  return `document "${outcome.id}" ${outcome.status}, which it did not with sequential: ${outcome.error.message}`;
}
