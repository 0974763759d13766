import { outcome, type Served, withRead, withServed } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Outcome, Result, TaskError } from '../strategy.js';
import type { WasRead } from '../worker/read-reference.js';

/** The end of a worker, which concerned some documents and is no outcome yet. */
export interface UnexplainedEnd {
  readonly cause: unknown;
  /** This many of those documents have no outcome. */
  left: number;
  /** True when an outcome shows it. */
  isShown: boolean;
}

/** A document has one or more of these values, which go through the stages. */
export interface StageValue {
  readonly owner: StagedDocument;
  /**
   * The value belongs to this attempt of its document. A document that starts again leaves its values
   * behind.
   */
  readonly attempt: number;
  /** The stage before has returned this; the first stage gets the document's bytes. */
  readonly value: unknown;
  readonly bytes: number;
  /** The places of this value in the arrays of the stages with `flatMap`; empty without any. */
  readonly path: readonly number[];
  /** It is in the queue since this time, ms. */
  readonly sinceMs: number;
  /** True when its buffers were moved to a worker. */
  isGone: boolean;
}

/** A document from when it was pulled until it has its outcome. */
export class StagedDocument {
  readonly document: CarriedDocument;
  readonly pulledMs: number;
  /** True when it goes to its workers alone: it may be cancelled, or runs again after the end of a worker. */
  isAlone: boolean;
  isCancelled = false;
  /** True when it has its outcome. */
  isSettled = false;
  attempt = 0;
  /** Values of the current attempt that are on their way. */
  pending = 0;
  /** Values of any attempt that workers have. */
  inWorkers = 0;
  /** It ran this often without an outcome. */
  runs = 0;
  workersEnded = 0;
  readonly ends: UnexplainedEnd[] = [];
  /** About the bytes of what the last stage has returned so far. */
  resultBytes = 0;
  #startedMs: number | null = null;
  #taskMs = 0;
  #worker = '';
  #read: WasRead | null = null;
  /** Absent while no stage was tried again, and none has waited. */
  #served: { readonly tries: number; readonly waitedMs: number } | null = null;
  #last: { readonly path: readonly number[]; readonly value: unknown }[] = [];

  constructor(document: CarriedDocument, pulledMs: number, isAlone: boolean) {
    this.document = document;
    this.pulledMs = pulledMs;
    this.isAlone = isAlone;
  }

  /** A stage has ended with one of its values. */
  note(worker: string, { startedMs, taskMs }: { readonly startedMs: number; readonly taskMs: number }): void {
    this.#startedMs ??= startedMs;
    this.#taskMs += taskMs;
    this.#worker = worker;
  }

  noteRead(read: WasRead): void {
    this.#read = read;
  }

  /** A stage was tried again for one of its values, or has waited. */
  noteServed({ tries = 1, waitedMs = 0 }: Served): void {
    const before = this.#served ?? { tries: 1, waitedMs: 0 };
    this.#served = { tries: before.tries + tries - 1, waitedMs: before.waitedMs + waitedMs };
  }

  /** The last stage has returned this. */
  keep({ path, value, bytes }: StageValue): void {
    this.#last.push({ path, value });
    this.resultBytes += bytes;
  }

  /** It starts again from the first stage. */
  restart(): void {
    this.attempt++;
    this.pending = 0;
    this.#last = [];
    this.resultBytes = 0;
    this.#startedMs = null;
    this.#taskMs = 0;
    this.#read = null;
    this.#served = null;
  }

  /** @param givesArray true where a stage has `flatMap`: the value is then the array of all last values */
  ok(givesArray: boolean): Outcome {
    const value: unknown = givesArray ? this.#values() : this.#last[0]?.value;
    this.#last = []; // an old document may be garbage later than the buffers that it gave
    return this.#outcome({ status: 'ok', value });
  }

  failed(status: 'failed' | 'timed-out', error: TaskError): Outcome {
    return this.#outcome({ status, error });
  }

  #outcome(result: Result): Outcome {
    const startedMs = this.#startedMs ?? this.pulledMs;
    const reply = { worker: this.#worker, startedMs, taskMs: this.#taskMs, ...result };
    const found = outcome(this.document, this.pulledMs, reply);
    if (this.#served !== null) withServed(found, this.#served);
    return this.#read === null ? found : withRead(found, this.#read);
  }

  #values(): unknown[] {
    return this.#last.sort((a, b) => byPath(a.path, b.path)).map(({ value }) => value);
  }
}

function byPath(a: readonly number[], b: readonly number[]): number {
  for (const [i, place] of a.entries()) if (place !== b[i]) return place - (b[i] as number);
  return 0;
}
