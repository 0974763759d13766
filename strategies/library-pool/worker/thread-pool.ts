import { setImmediate } from 'node:timers';
import { type MessagePort, parentPort, resourceLimits, threadId } from 'node:worker_threads';
import Piscina from 'piscina';
import type { TaskServices } from '../../../services/task-services.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { Fifo } from '../../session/fifo.js';
import type { LocalReply, Reply } from '../../session/outcome.js';
import type { CarriedDocument } from '../../session/reference.js';
import { now } from '../../worker/clock.js';
import { connectThread } from '../../worker/connect.js';
import { whenHeapIsNear } from '../../worker/near-limit.js';
import { openTask } from '../../worker/task.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { Answer, Request } from './serve.js';

/** A document that has a time limit or may be cancelled, with its place on the board of starts. */
export interface Watched {
  readonly place: number;
  readonly document: CarriedDocument;
}
export interface ThreadPoolData {
  readonly workload: WorkloadRef;
  readonly services: TaskServices;
  readonly timeoutMs: number | undefined;
  /** The board of starts uses this memory. */
  readonly starts: SharedArrayBuffer;
  /** Documents are transferred, so that the caller has their bytes no more. */
  readonly transfers: boolean;
}

/** A document is rejected with this: its thread is leaving, because its heap is near the limit. */
export interface NotBegun {
  readonly kind: 'not begun';
  readonly thread: number;
  /** The document's bytes if they were transferred; null where the caller has them. */
  readonly bytes: Uint8Array | null;
}

/** The thread has closed its task and may be ended. */
export interface Retired {
  readonly kind: 'retired';
  readonly thread: number;
}

/**
 * A thread that always has work lets its event loop run this often, ms. piscina blocks it between documents,
 * so that it would never hear of its own garbage collections.
 */
const turnMs = 25;

const { workload, services, timeoutMs, starts, transfers } = Piscina.workerData as ThreadPoolData;
const parent = parentPort as MessagePort;
const board = new Float64Array(starts);
const worker = thisWorker();
// An error thrown here ends the thread, and piscina reports it.
const task = await openTask(workload, {
  worker,
  large: 'move',
  services,
  timeoutMs,
  isShared: () => (board[0] as number) > 1,
  connect: connectThread,
});

let running = 0;
/** Documents that have come and may not begin yet. */
const waiting = new Fifo<() => void>();
let turnedMs = now();
/** Resolves when the event loop has run; null while it need not. */
let turning: Promise<void> | null = null;
/** True when the thread begins no further document. */
let isNearLimit = false;
let closed: Promise<void> | null = null;
let retired: Promise<void> | null = null;

whenHeapIsNear(resourceLimits.maxOldGenerationSizeMb as number, () => {
  isNearLimit = true;
  if (running === 0) void retire();
});

/** piscina calls this function on its worker threads. */
export default function run(request: Request | Watched | CarriedDocument): Reply | Promise<Answer | Reply> {
  if (typeof request === 'string') return answer(request);
  // Several may arrive in one turn, and together they could exceed the limit before it is noticed.
  if (turning !== null) return turning.then(() => run(request));
  const isWatched = 'place' in request;
  const place = isWatched ? request.place : null;
  const document = isWatched ? request.document : request;
  if (!isNearLimit && running >= (board[0] as number))
    return new Promise<void>((resolve) => waiting.push(resolve)).then(() => run(request));
  if (isNearLimit) {
    const bytes = transfers ? document.bytes : null;
    throw { kind: 'not begun', thread: threadId, bytes } satisfies NotBegun;
  }
  if (place !== null) {
    board[place + 1] = threadId;
    board[place] = now();
  }
  running++;
  let reply: Reply | Promise<Reply> | null = null;
  try {
    reply = begun(document, place);
    return reply instanceof Promise ? reply.finally(leave) : reply;
  } finally {
    if (!(reply instanceof Promise)) leave();
  }
}

function begun(document: CarriedDocument, place: number | null): Reply | Promise<Reply> {
  const reply = task.run(
    document,
    place === null
      ? undefined
      : () => {
          board[place] = now();
        },
  );
  return reply instanceof Promise ? ended(reply, place) : isDue(reply) ? held(reply, place) : sent(reply);
}

/** Gives the place of a document to one that waits. It is called also where the run has thrown. */
function leave(): void {
  running--;
  if (isNearLimit) {
    for (const wake of waiting.empty()) wake();
    if (running === 0) void retire();
  } else if (waiting.length > 0) waiting.shift()?.();
}

async function ended(answer: Promise<LocalReply>, place: number | null): Promise<Reply> {
  const reply = await answer;
  if (place !== null) board[place] = Number.POSITIVE_INFINITY; // it has ended in time
  return isDue(reply) ? held(reply, place) : sent(reply);
}

/** Tells whether the event loop should run, or the thread may retire, before this reply is given. */
function isDue({ startedMs, taskMs }: LocalReply): boolean {
  return isNearLimit || startedMs + taskMs - turnedMs >= turnMs;
}

async function held(reply: LocalReply, place: number | null): Promise<Reply> {
  if (place !== null) board[place] = Number.POSITIVE_INFINITY; // it has ended in time
  turning ??= turn();
  await turning;
  if (isNearLimit && running === 1) await retire();
  return sent(reply);
}

async function turn(): Promise<void> {
  // A garbage collection is heard of in the first immediate, and passed on in the second.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  turnedMs = now();
  turning = null;
}

function sent(reply: LocalReply): Reply {
  return reply.moved === undefined ? reply : moving(reply);
}

/** piscina takes this apart: it sends the value and transfers the buffers. */
function moving({ moved, ...reply }: LocalReply): Reply {
  const movable: unknown = {
    [Piscina.transferableSymbol]: moved,
    [Piscina.valueSymbol]: { ...reply, hasMoved: true },
  };
  return Piscina.move(movable as Parameters<typeof Piscina.move>[0]) as unknown as Reply;
}

function retire(): Promise<void> {
  retired ??= closeAndTell();
  return retired;
}

async function closeAndTell(): Promise<void> {
  await close();
  parent.postMessage({ kind: 'retired', thread: threadId } satisfies Retired);
}

async function answer(request: Request): Promise<Answer> {
  if (request === 'goodbye') await close();
  return { id: worker, member: processReport(), engine: engineReport(worker), failure: null };
}

function close(): Promise<void> {
  closed ??= task.close();
  return closed;
}
