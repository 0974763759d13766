import { setImmediate } from 'node:timers';
import { type MessagePort, parentPort, resourceLimits, workerData } from 'node:worker_threads';
import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { LocalReply, Served } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { ChannelPort } from '../session/side-channel-protocol.js';
import type { Engine, TaskError } from '../strategy.js';
import { now } from '../worker/clock.js';
import { connectThread } from '../worker/connect.js';
import { keepFreedMemory } from '../worker/freed-memory.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { Places } from '../worker/places.js';
import { openTask } from '../worker/task.js';
import { engineReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import { flushMs } from './ahead.js';
import { ClaimTable, oversized, type Shape } from './claim-table.js';
import { type Columns, columnsOf } from './columns.js';
import { privateCopy } from './copy-bytes.js';

/**
 * A worker thread of the arena. It claims one document at a time from its queue (`ClaimTable.claim`), runs
 * the task and keeps the outcome until it has enough of them for one message to the caller.
 *
 * Several documents at the same time (`perWorker` in `claim-table.ts`):
 *
 * 1. A task that computes without waiting blocks the thread, so it always runs alone. A task that waits is
 *    *pending*, and while fewer than `perWorker` are, the worker claims the next document.
 * 2. The worker writes each slot's `running` before the task begins and clears it when that task has ended.
 *    So the caller knows all documents that a dead worker was running, and runs each of them again alone.
 * 3. The documents that a replacement worker begins with (`first`) run one after the other, before it claims
 *    any: each is alone in its worker.
 * 4. With pending tasks the worker never blocks its thread. It rests in its event loop until a task has ended
 *    or there is work, and begins the next task in that moment (`Places`).
 * 5. A worker that retires or is closed claims no more, and first waits for its pending tasks.
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
  /** The number `perWorker` of the table has risen. */
  | { readonly kind: 'more' }
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
  readonly values: readonly unknown[] | Columns;
  /** The failed slots whose task ended because its time was over; absent where there are none. */
  readonly timedOut?: readonly number[];
  /** What services have to do with documents, by place in `slots`; absent where there is nothing. */
  readonly served?: readonly ({ readonly at: number } & Served)[];
  /** True where the message has moved buffers of values; else absent. */
  readonly hasMoved?: true;
}

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
/** Likewise, while other tasks of the worker wait for callbacks, ms. */
const turnBesideMs = 1;
/** Tasks have numbers up to this one, which fits into a word of the table. */
const maxTask = 2 ** 31 - 1;

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
  isShared: () => table.perWorker() > 1,
  connect: connectThread,
});
if (task.views === 'copy') keepFreedMemory();

let slots: number[] = [];
let values: unknown[] = [];
let timedOut: number[] | null = null;
let served: NonNullable<Outcomes['served']>[number][] | null = null;
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
/** Tasks begun so far. */
let begun = 0;
/** Tasks that run beside each other, and the ones that are `held`. */
const places = new Places(
  () => table.perWorker(),
  () => {
    if (held > 0) report();
  },
);
/** Pending tasks that have ended, and whose outcomes are not reported yet. */
let held = 0;
/** True while a wait for the queue's signal is open. It remains open while the worker works on. */
let isResting = false;
/** True while the worker waits for work. */
let isIdle = false;
/** The event loop has had a turn at this time. */
let turnedMs = 0;
/** True when the worker is to end before it claims another document. */
let isNearLimit = false;
let leaving = false;
let wanted: ((document: CarriedDocument | null) => void) | null = null;

parent.on('message', async (message: ToWorker) => {
  if (message.kind === 'document') wanted?.(message.document);
  else if (message.kind === 'more') places.wake();
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
  let started = 0;
  while (!isNearLimit) {
    const suspect = started < first.length;
    const slot = suspect ? (first[started++] as number) : table.claim(queue, number);
    if (slot < 0) {
      await idle();
      places.turned(now());
      continue;
    }
    if (suspect && !table.claimAssigned(slot, number)) continue; // it was cancelled
    const document = read(slot) ?? (await ask(slot));
    if (document === null) continue;
    table.begin(slot, nextTask());
    const answer = task.run(document, task.isServed ? () => table.begin(slot, nextTask()) : undefined);
    let reply: LocalReply;
    if (answer instanceof Promise) {
      waits = true;
      if (!suspect && (places.pending > 0 || table.perWorker() > 1)) {
        void runBeside(slot, document, answer);
        await places.next();
        continue;
      }
      reply = await answer;
    } else reply = answer;
    const endedMs = ended(slot, document, reply);
    if (suspect || isFull() || isTime(reply)) report();
    if (endedMs - turnedMs >= (places.pending > 0 ? turnBesideMs : turnMs)) await turn();
  }
  while (places.pending > 0) await places.change();
  report();
  parent.postMessage({ kind: 'retired' } satisfies FromWorker);
  await leave();
}

/** Waits for a task that runs beside others. */
async function runBeside(
  slot: number,
  document: CarriedDocument,
  answer: Promise<LocalReply>,
): Promise<void> {
  places.pending++;
  const reply = await answer;
  ended(slot, document, reply);
  const isLong = places.ended(reply);
  // It is pending until it is reported, so that the worker's death never loses more than `perWorker` of them.
  held++;
  if (isFull() || (isLong && isTime(reply))) report();
  else if (!isTime(reply)) free(1);
  places.wake();
}

/** Lets the event loop run. */
async function turn(): Promise<void> {
  await new Promise(setImmediate);
  turnedMs = now();
  places.turned(turnedMs);
}

/** Frees the places of tasks that have ended. */
function free(count: number): void {
  places.pending -= count;
  held -= count;
}

/** Returns the number of the next task, which is never 0. */
function nextTask(): number {
  begun = begun === maxTask ? 1 : begun + 1;
  return begun;
}

/** Writes down that the task has ended, and keeps its outcome. Returns the time of the end. */
function ended(slot: number, document: CarriedDocument, reply: LocalReply): number {
  if (document.by !== undefined) table.noteRead(slot, reply);
  table.end(slot, reply);
  keep(slot, document, reply);
  return reply.startedMs + reply.taskMs;
}

/** Tells whether there are enough outcomes for a message. */
function isFull(): boolean {
  return slots.length >= flush.documents || unreportedBytes >= flush.bytes;
}

/**
 * Tells whether the first unreported outcome would wait too long for another one, if that took as long as the
 * last one. Each message wakes the caller's thread, which takes a core from a worker when there are no more
 * cores than workers: at 2 ms in place of `flushMs` this cost a tenth of what a second core gains.
 */
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
  if (reply.served !== undefined) {
    served ??= [];
    served.push({ at: slots.length - 1, ...reply.served });
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
  free(held);
  const outcomes: Outcomes = {
    slots,
    values: columnsOf(values) ?? values,
    ...(timedOut && { timedOut }),
    ...(served && { served }),
    ...(moved.size > 0 && { hasMoved: true }),
  };
  port.postMessage(outcomes, [...moved]);
  slots = [];
  values = [];
  timedOut = null;
  served = null;
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
  if (places.pending === 0 && !isResting) return table.rest(queue, seen);
  if (!isResting) {
    isResting = true;
    void table.rest(queue, seen).then(() => {
      isResting = false;
      if (isIdle) places.wake();
      else table.passOn(queue);
    });
  }
  isIdle = true;
  await places.change();
  isIdle = false;
}
