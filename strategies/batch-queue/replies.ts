import type { FiledPart } from '../processes/result-file.js';
import {
  type LocalReply,
  outcome,
  type Reply,
  type Served,
  withRead,
  withServed,
} from '../session/outcome.js';
import type { Outcome, Result } from '../strategy.js';
import type { WasRead } from '../worker/read-reference.js';
import type { Batch } from './puller.js';

/**
 * The replies to a batch, in columns. An object per document would repeat the same names, which makes the
 * message twice as long and its serialization twice as slow (1.2 instead of 0.5 µs per document both ways,
 * for results of four fields).
 */
export interface Replies {
  readonly startedMs: Float64Array;
  readonly taskMs: Float64Array;
  /** The value is `undefined` where the task failed. */
  readonly values: readonly unknown[];
  readonly failures: readonly { readonly at: number; readonly result: Exclude<Result, { status: 'ok' }> }[];
  /** What the child has read for documents by reference; absent when it has read none. */
  readonly reads?: readonly ({ readonly at: number } & WasRead)[];
  /** What services have to do with documents; absent when there is nothing. */
  readonly served?: readonly ({ readonly at: number } & Served)[];
  /** The worker of each document, where the child has several; null for one whose worker has ended. */
  readonly workers?: readonly (string | null)[];
  /** The parts of values that are in the child's file; absent when there are none. */
  readonly filed?: readonly { readonly at: number; readonly parts: readonly FiledPart[] }[];
}

/** Collects the replies of the task, one document after the other. */
export class ReplyColumns {
  readonly #startedMs: Float64Array;
  readonly #taskMs: Float64Array;
  readonly #values: unknown[] = [];
  readonly #failures: Replies['failures'][number][] = [];
  #reads: NonNullable<Replies['reads']>[number][] | null = null;
  #served: NonNullable<Replies['served']>[number][] | null = null;
  #filed: NonNullable<Replies['filed']>[number][] | null = null;

  constructor(count: number) {
    this.#startedMs = new Float64Array(count);
    this.#taskMs = new Float64Array(count);
  }

  add(reply: LocalReply): void {
    const at = this.#values.length;
    this.#startedMs[at] = reply.startedMs;
    this.#taskMs[at] = reply.taskMs;
    if (reply.status === 'ok') this.#values.push(reply.value);
    else {
      this.#values.push(undefined);
      this.#failures.push({ at, result: { status: reply.status, error: reply.error } });
    }
    const { size, mtimeMs, filed, served } = reply;
    if (served !== undefined) {
      this.#served ??= [];
      this.#served.push({ at, ...served });
    }
    if (filed !== undefined) {
      this.#filed ??= [];
      this.#filed.push({ at, parts: filed });
    }
    if (size === undefined) return;
    this.#reads ??= [];
    this.#reads.push({ at, size, ...(mtimeMs !== undefined && { mtimeMs }) });
  }

  get replies(): Replies {
    return {
      startedMs: this.#startedMs,
      taskMs: this.#taskMs,
      values: this.#values,
      failures: this.#failures,
      ...(this.#reads !== null && { reads: this.#reads }),
      ...(this.#served !== null && { served: this.#served }),
      ...(this.#filed !== null && { filed: this.#filed }),
    };
  }
}

/** Joins the columns with the documents that they belong to. */
export function outcomesOf(
  batch: Batch,
  worker: string,
  { startedMs, taskMs, values, failures, reads, served, workers }: Replies,
): Outcome[] {
  const outcomes = batch.documents.map(
    ({ index, id }, i): Outcome => ({
      index,
      id,
      worker,
      queuedMs: (startedMs[i] as number) - (batch.pulledMs[i] as number),
      taskMs: taskMs[i] as number,
      status: 'ok',
      value: values[i],
    }),
  );
  for (const { at, result } of failures) {
    const reply: Reply = {
      worker,
      startedMs: startedMs[at] as number,
      taskMs: taskMs[at] as number,
      ...result,
    };
    outcomes[at] = outcome(
      batch.documents[at] as Batch['documents'][number],
      batch.pulledMs[at] as number,
      reply,
    );
  }
  if (workers !== undefined)
    for (const [at, own] of workers.entries()) outcomes[at] = withWorker(outcomes[at] as Outcome, own);
  if (reads !== undefined) for (const read of reads) withRead(outcomes[read.at] as Outcome, read);
  if (served !== undefined) for (const each of served) withServed(outcomes[each.at] as Outcome, each);
  return outcomes;
}

/** Times that the child does not know are no numbers in its columns. */
function withWorker(outcome: Outcome, worker: string | null): Outcome {
  const known = (ms: number | null) => (ms === null || Number.isNaN(ms) ? null : ms);
  return { ...outcome, worker, queuedMs: known(outcome.queuedMs), taskMs: known(outcome.taskMs) };
}
