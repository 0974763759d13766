import { setImmediate } from 'node:timers';
import { type MessagePort, parentPort, resourceLimits, workerData } from 'node:worker_threads';
import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { ChannelPort } from '../session/side-channel-protocol.js';
import type { Engine, TaskError } from '../strategy.js';
import { connectThread } from '../worker/connect.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { openTask } from '../worker/task.js';
import { engineReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import { ClaimTable, oversized, type Shape } from './claim-table.js';
import { privateCopy } from './copy-bytes.js';

/**
 * A worker thread of the arena. It claims one document at a time from its queue (`ClaimTable.claim`), runs
 * the task and keeps the outcome until it has enough of them for one message to the caller.
 *
 * When there is nothing to claim, the worker sleeps in two steps (`idle` below). It first blocks its thread
 * for up to `napMs` in `Atomics.wait`. Then it reports its outcomes and rests in its event loop
 * (`Atomics.waitAsync`) until the caller publishes a document and changes the queue's signal, as
 * `claim-table.ts` describes. A task that waits for something must not block the event loop, so its worker
 * skips the first step.
 */

export interface ArenaWorkerData {
  readonly workload: WorkloadRef;
  readonly table: { readonly shape: Shape; readonly memory: SharedArrayBuffer };
  readonly arena: SharedArrayBuffer;
  /** The claim table knows this worker by this number. */
  readonly number: number;
  /** The queue that this worker claims from. */
  readonly queue: number;
  /** Outcomes are reported when they are this many, or when their documents have this many bytes. */
  readonly flush: { readonly documents: number; readonly bytes: number };
  readonly services: TaskServices;
  /** Time limit of a document, ms; absent: there is none. */
  readonly timeoutMs: number | undefined;
  /** The worker sends its outcomes to this port. */
  readonly port: MessagePort;
  /**
   * Slots that are assigned to this worker. It runs them first and reports them one by one, because
   * other workers died while they had these documents.
   */
  readonly first: readonly number[];
}

export type ToWorker =
  /** The document is null when it was cancelled: the slot is no longer the worker's. */
  | { readonly kind: 'document'; readonly slot: number; readonly document: CarriedDocument | null }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The worker asks for a document that is not in the arena. */
  | { readonly kind: 'want'; readonly slot: number }
  | { readonly kind: 'report'; readonly engine: Engine }
  /** The worker ends between two documents, because its heap is near its limit. */
  | { readonly kind: 'retired' }
  | ChannelPort;

/** One message carries many outcomes, since it costs at least 20 µs. The times are in the claim table. */
export interface Outcomes {
  /** The slot of each document, as its bitwise complement when the task failed. */
  readonly slots: readonly number[];
  /** Holds, per slot, the value that the task returned or the error it threw. */
  readonly values: readonly unknown[];
  /** The failed slots whose task ended because its time was over; absent where there are none. */
  readonly timedOut?: readonly number[];
  /** True where the message has moved buffers of values; else absent. */
  readonly hasMoved?: true;
}

/**
 * Outcomes wait for others at most this long while there is work, ms. A worker reports when the next document
 * would end too late for that if it took as long as the last one. Each message wakes the caller's thread,
 * which takes a core from a worker when there are no more cores than workers: at 2 ms this cost a tenth of
 * what a second core gains. The work in front of a worker is more than this (`ahead.ts`), so that the caller
 * hears of room before the worker has none.
 */
const flushMs = 4;
/**
 * A worker without work blocks its thread for this long before it reports its outcomes and rests in its event
 * loop, ms.
 */
const napMs = 1;
/**
 * A worker that always has work lets its event loop run this often, ms, for callbacks that the task may have
 * scheduled.
 */
const turnMs = 50;

const {
  workload,
  table: shared,
  arena,
  number,
  queue,
  flush,
  services,
  timeoutMs,
  port,
  first,
} = workerData as ArenaWorkerData;
const parent = parentPort as MessagePort;
const table = new ClaimTable(shared.shape, shared.memory);
const text = Buffer.from(arena);
const noBytes = new Uint8Array();
const worker = thisWorker();
const task = await openTask(workload, {
  worker,
  results: 'snapshot',
  large: 'move',
  memory: arena,
  services,
  timeoutMs,
  connect: connectThread,
});

let slots: number[] = [];
let values: unknown[] = [];
let timedOut: number[] | null = null;
/** Buffers in the values that the message moves. */
let moved = new Set<ArrayBuffer>();
let unreportedBytes = 0;
/** The first unreported outcome was there at this time. */
let firstMs = 0;
/**
 * True once the task has returned a promise: the thread must not block then, because callbacks may be
 * pending.
 */
let waits = false;
/** True when the worker is to end before it claims another document. */
let isNearLimit = false;
let leaving = false;
let wanted: ((document: CarriedDocument | null) => void) | null = null;

parent.on('message', async (message: ToWorker) => {
  if (message.kind === 'document') wanted?.(message.document);
  else if (message.kind === 'report')
    parent.postMessage({ kind: 'report', engine: engineReport(worker) } satisfies FromWorker);
  else await leave();
});
parent.postMessage({ kind: 'ready' } satisfies FromWorker);
whenHeapIsNear(resourceLimits.maxOldGenerationSizeMb as number, () => {
  isNearLimit = true;
});
void work();

/** Ends the thread. It may be called while it is doing so. */
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  await task.close();
  port.close();
  parent.close();
  process.exit(); // whatever the task has left open
}

async function work(): Promise<void> {
  let turnedMs = 0;
  let started = 0;
  while (!isNearLimit) {
    const suspect = started < first.length;
    const slot = suspect ? (first[started++] as number) : table.claim(queue, number);
    if (slot < 0) {
      await idle();
      continue;
    }
    if (suspect && !table.claimAssigned(slot, number)) continue; // it was cancelled
    const document = read(slot) ?? (await ask(slot));
    if (document === null) continue;
    table.begin(slot, number);
    const answer = task.run(document);
    let reply: LocalReply;
    if (answer instanceof Promise) {
      waits = true;
      reply = await answer;
    } else reply = answer;
    if (document.by !== undefined) table.noteRead(slot, reply);
    table.end(slot, number, reply);
    keep(slot, document, reply);
    const endedMs = reply.startedMs + reply.taskMs;
    if (suspect) report();
    if (slots.length >= flush.documents || unreportedBytes >= flush.bytes || isTime(reply)) report();
    if (endedMs - turnedMs < turnMs) continue;
    turnedMs = endedMs;
    await new Promise(setImmediate);
  }
  report();
  parent.postMessage({ kind: 'retired' } satisfies FromWorker);
  await leave();
}

/** Tells whether the first unreported outcome would wait too long for another one. */
function isTime({ startedMs, taskMs }: LocalReply): boolean {
  return startedMs + 2 * taskMs - firstMs > flushMs;
}

/** Reads the document in the slot; returns null when it is not in the arena. */
function read(slot: number): CarriedDocument | null {
  const { offset, size, idBytes, index, by } = table.read(slot);
  if (offset === oversized) return null;
  const end = offset + size + idBytes;
  if (by === 'path') {
    const both = text.toString('utf8', offset, end);
    // One character per byte: both parts are ASCII, as most names are. A byte that is no UTF-8 is U+FFFD.
    if (both.length === size + idBytes && !both.includes('\ufffd'))
      return { index, id: both.slice(size), size, bytes: noBytes, by, path: both.slice(0, size) };
  }
  const id = text.toString('utf8', offset + size, end);
  const view = new Uint8Array(arena, offset, size);
  // A reference is read before the task begins, so it needs no copy.
  if (by !== undefined) return { index, id, size, bytes: view, by };
  return { index, id, size, bytes: task.views === 'shared' ? view : privateCopy(view) };
}

function ask(slot: number): Promise<CarriedDocument | null> {
  report(); // the caller is woken anyway
  return new Promise((resolve) => {
    wanted = resolve;
    parent.postMessage({ kind: 'want', slot } satisfies FromWorker);
  });
}

function keep(slot: number, { size }: CarriedDocument, reply: LocalReply): void {
  if (slots.length === 0) firstMs = reply.startedMs + reply.taskMs;
  const ok = reply.status === 'ok';
  const value: unknown = ok ? reply.value : (reply.error satisfies TaskError);
  slots.push(ok ? slot : ~slot);
  values.push(value);
  if (reply.status === 'timed-out') {
    timedOut ??= [];
    timedOut.push(slot);
  }
  unreportedBytes += size;
  if (reply.moved === undefined) return;
  for (const buffer of reply.moved) {
    moved.add(buffer);
    unreportedBytes += buffer.byteLength;
  }
}

function report(): void {
  if (slots.length === 0) return;
  const outcomes: Outcomes = {
    slots,
    values,
    ...(timedOut && { timedOut }),
    ...(moved.size > 0 && { hasMoved: true }),
  };
  port.postMessage(outcomes, [...moved]);
  slots = [];
  values = [];
  timedOut = null;
  moved = new Set();
  unreportedBytes = 0;
}

/** Waits until there may be something to claim. */
async function idle(): Promise<void> {
  let seen = table.signal(queue);
  if (table.hasWork(queue)) return;
  if (!waits) {
    if (slots.length > 0 && !table.isEager()) table.setKeeping(number, true);
    if (table.isEager()) {
      report(); // the caller may wait for them
      table.setKeeping(number, false);
    }
    const isWoken = table.sleep(queue, seen, napMs);
    table.setKeeping(number, false);
    if (isWoken) return;
  }
  report();
  seen = table.signal(queue);
  if (table.hasWork(queue)) return;
  await table.rest(queue, seen);
}
