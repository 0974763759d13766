import { setTimeout } from 'node:timers';
import type { Cancelling } from '../session/cancelling.js';
import { now } from '../worker/clock.js';
import type { Intake } from './intake.js';
import type { QueueRoom } from './limits.js';
import { messageOf } from './message-of.js';
import type { OutcomeQueue } from './outcome-queue.js';
import { isProcess } from './seats.js';
import type { Staff } from './staff.js';
import type { Stage } from './stage.js';
import type { StageWorker } from './stage-worker.js';
import type { StageValue } from './staged-document.js';

export interface DispatcherParts {
  readonly staff: Staff;
  readonly stages: readonly Stage[];
  readonly room: QueueRoom;
  readonly cancelling: Cancelling;
  readonly outcomes: OutcomeQueue;
  readonly intake: Intake;
  /** Values for a batch have waited long enough: `dispatch` would send them now. */
  batchDue(): void;
  /** The workers of the stage have ended too often, and run nothing any more. This is one of them. */
  stopped(stage: Stage, worker: StageWorker): void;
}

/**
 * Sends values from the queues to the workers of their stages.
 *
 * How many are sent at all, the room in the queue behind the stage says (`limits.ts`). Values of documents
 * that are alone go first: each waits for a worker that has answered everything. The others go to the worker
 * with the fewest requests, each with its share of what waits. A stage with batches waits until a batch is
 * full, or its first value has waited long enough, or no further value can come.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Sends what the stage has, as far as its workers and the queue behind it have room. */
  dispatch(stage: Stage): void {
    const workers = this.#parts.staff.of(stage.number);
    stage.isBlocked = false;
    if (stage.alone.length === 0 && stage.waiting.length === 0) return;
    const [first] = workers;
    if (first !== undefined && workers.every(({ deaths }) => deaths.stopped !== null)) {
      this.#parts.stopped(stage, first);
      return;
    }
    for (;;) {
      const room = this.#parts.room.of(stage, workers.length, this.#behind(stage));
      if (room <= 0) {
        stage.isBlocked = stage.alone.length + stage.waiting.length > 0;
        return;
      }
      if (stage.alone.length > 0) {
        // While a document waits for a worker of its own, the others wait, too: so a worker has answered all
        // soon.
        const idle = workers.find(({ isIdle }) => isIdle);
        if (idle === undefined) return;
        const value = stage.take(stage.alone);
        if (value !== null) this.#send(idle, stage, [value]);
      } else if (!this.#sendSome(stage, workers, room)) return;
    }
  }

  /**
   * Sends one request with values that need no worker of their own. Returns false when that is not
   * possible.
   */
  #sendSome(stage: Stage, workers: readonly StageWorker[], room: number): boolean {
    const free = workers.filter((worker) => worker.takes(stage.maxRequests));
    const [first, ...others] = free;
    if (first === undefined || stage.waiting.length === 0) return false;
    const least = others.reduce((a, b) => (b.requests.length < a.requests.length ? b : a), first);
    const { batch } = stage.description;
    if (batch !== null && !this.#isBatchDue(stage, batch)) return false;
    const share = batch === null ? Math.ceil(stage.waiting.length / free.length) : batch.documents;
    const count = Math.min(stage.maxValues, share, room);
    // A worker that has work gains nothing by a short request now. A longer one costs less per value.
    const [current] = least.requests;
    if (batch === null && current !== undefined && 2 * count < current.values.length) return false;
    const values: StageValue[] = [];
    for (let left = count; left > 0; left--) {
      const value = stage.take(stage.waiting);
      if (value === null) break;
      values.push(value);
    }
    if (values.length > 0) this.#send(least, stage, values);
    return values.length > 0;
  }

  /**
   * Tells whether a batch is full, or its first value has waited long enough, or no further value will
   * come.
   */
  #isBatchDue(stage: Stage, batch: { readonly documents: number; readonly ms: number }): boolean {
    const { first, length } = stage.waiting;
    if (length >= batch.documents || first === null || this.#isLast(stage)) return true;
    const leftMs = first.sinceMs + batch.ms - now();
    if (leftMs <= 0) return true;
    stage.batchTimer ??= setTimeout(() => {
      stage.batchTimer = null;
      this.#parts.batchDue();
    }, leftMs);
    return false;
  }

  /** True when no further value can reach the stage before one that waits has moved. */
  #isLast(stage: Stage): boolean {
    return (
      this.#parts.intake.isExhausted &&
      this.#parts.stages.slice(0, stage.number).every(({ inFront, inWorkers }) => inFront + inWorkers === 0)
    );
  }

  /** Returns what is in the queue behind the stage. */
  #behind(stage: Stage): { readonly values: number; readonly bytes: number } {
    const next = this.#parts.stages[stage.number + 1];
    return next === undefined
      ? { values: this.#parts.outcomes.length, bytes: this.#parts.outcomes.bytes }
      : { values: next.inFront, bytes: next.bytesInFront };
  }

  #send(worker: StageWorker, stage: Stage, values: readonly StageValue[]): void {
    const owner = (values[0] as StageValue).owner;
    const inProcess = isProcess(this.#parts.staff.stages, worker.stages);
    const isSingle = values.length === 1;
    const isWatched = inProcess && isSingle && (owner.isAlone || stage.limitMs !== null);
    const { message, moved } = messageOf(stage, values, { isProcess: inProcess, isWatched });
    const calls = message.isBatch ? 1 : values.length;
    stage.inWorkers += values.length;
    for (const value of values) {
      stage.inWorkersBytes += value.bytes;
      value.owner.inWorkers++;
    }
    worker.ask({
      message,
      moved,
      stage,
      values,
      isAlone: owner.isAlone,
      // The board of a thread says when each call began.
      limitMs: stage.limitMs === null ? null : stage.limitMs * (inProcess ? calls : 1),
      cancellable:
        owner.isAlone && this.#parts.cancelling.may(owner.document.index) ? owner.document.index : null,
    });
  }
}
