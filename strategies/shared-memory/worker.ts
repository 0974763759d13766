import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import type { LocalReply } from '../session/outcome.js';
import type { Engine, TaskError } from '../strategy.js';
import { openTask } from '../worker/task.js';
import { engineReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import { Control, loose, type Shape } from './claim-table.js';

export interface ArenaWorkerData {
  readonly workload: WorkloadRef;
  readonly table: { readonly shape: Shape; readonly memory: SharedArrayBuffer };
  readonly arena: SharedArrayBuffer;
  /** Of this worker in the table, and of the queue it claims from. */
  readonly number: number;
  readonly queue: number;
  /** Outcomes are reported when they are so many, or of documents of so many bytes. */
  readonly flush: { readonly documents: number; readonly bytes: number };
  /** Where to. */
  readonly port: MessagePort;
  /** Slots that are this worker's already, to begin with, and to report one by one: their documents were there when other workers ended. */
  readonly first: readonly number[];
}

export type ToWorker =
  | { readonly kind: 'document'; readonly slot: number; readonly document: Document }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** For a document that is not in the arena. */
  | { readonly kind: 'want'; readonly slot: number }
  | { readonly kind: 'report'; readonly engine: Engine };

/** Many a message: one document costs 20 µs and more. Times stand in the claim table. */
export interface Outcomes {
  /** The bitwise complement where the task failed. */
  readonly slots: readonly number[];
  /** The result, or the error, of each slot's document. */
  readonly values: readonly unknown[];
}

/**
 * Outcomes wait at most this long for others while there is work. Each message wakes the caller's thread, which takes a
 * core from some worker where there are no more cores than workers: at 2 ms a tenth of the gain of a second core went there.
 */
const flushMs = 10;
/** So long a thread without work stays blocked before it reports what it has and rests in its event loop. */
const napMs = 1;
/** So often a thread that always has work lets its event loop turn, for what the task may have left there. */
const turnMs = 50;
/** A result of this many bytes is moved, not copied, into the message. */
const movedBytes = 32_768;

const { workload, table, arena, number, queue, flush, port, first } = workerData as ArenaWorkerData;
const parent = parentPort as MessagePort;
const control = new Control(table.shape, table.memory);
const text = Buffer.from(arena);
const worker = thisWorker();
const task = await openTask(workload, worker, 'snapshot');

let slots: number[] = [];
let values: unknown[] = [];
let moved: ArrayBuffer[] = [];
let unreportedBytes = 0;
let firstMs = 0;
/** Whether the task has ever waited: then its thread must not block, for something may wait in its event loop. */
let waits = false;
let wanted: ((document: Document) => void) | null = null;

parent.on('message', async (message: ToWorker) => {
  if (message.kind === 'document') wanted?.(message.document);
  else if (message.kind === 'report')
    parent.postMessage({ kind: 'report', engine: engineReport(worker) } satisfies FromWorker);
  else {
    await task.close();
    port.close();
    parent.close(); // nothing keeps the thread any longer
  }
});
parent.postMessage({ kind: 'ready' } satisfies FromWorker);
void work();

async function work(): Promise<never> {
  let turnedMs = 0;
  let handed = 0;
  for (;;) {
    const suspect = handed < first.length;
    const slot = suspect ? (first[handed++] as number) : control.claim(queue, number);
    if (slot < 0) {
      await idle();
      continue;
    }
    const document = read(slot) ?? (await ask(slot));
    control.begin(slot, number);
    const answer = task.run(document);
    let reply: LocalReply;
    if (answer instanceof Promise) {
      waits = true;
      reply = await answer;
    } else reply = answer;
    control.end(slot, number, reply);
    keep(slot, document, reply);
    const endedMs = reply.startedMs + reply.taskMs;
    if (suspect) report();
    if (slots.length >= flush.documents || unreportedBytes >= flush.bytes || endedMs - firstMs >= flushMs)
      report();
    if (endedMs - turnedMs < turnMs) continue;
    turnedMs = endedMs;
    await new Promise(setImmediate);
  }
}

/** The document in the slot, or null when it is not in the arena. */
function read(slot: number): Document | null {
  const { offset, size, idBytes, index } = control.read(slot);
  if (offset === loose) return null;
  const id = text.toString('utf8', offset + size, offset + size + idBytes);
  const view = new Uint8Array(arena, offset, size);
  return { index, id, size, bytes: task.views === 'shared' ? view : new Uint8Array(view) };
}

function ask(slot: number): Promise<Document> {
  return new Promise((resolve) => {
    wanted = resolve;
    parent.postMessage({ kind: 'want', slot } satisfies FromWorker);
  });
}

function keep(slot: number, { size }: Document, reply: LocalReply): void {
  if (slots.length === 0) firstMs = reply.startedMs;
  const ok = reply.status === 'ok';
  const value: unknown = ok ? reply.value : (reply.error satisfies TaskError);
  slots.push(ok ? slot : ~slot);
  values.push(value);
  unreportedBytes += size;
  if (!(value instanceof Uint8Array) || value.byteLength < movedBytes) return;
  moved.push(value.buffer as ArrayBuffer); // the snapshot's own
  unreportedBytes += value.byteLength;
}

function report(): void {
  if (slots.length === 0) return;
  port.postMessage({ slots, values } satisfies Outcomes, moved);
  slots = [];
  values = [];
  moved = [];
  unreportedBytes = 0;
}

/** Until there may be something to claim. */
async function idle(): Promise<void> {
  let seen = control.signal(queue);
  if (control.hasWork(queue)) return;
  if (!waits) {
    if (control.isEager()) report();
    if (control.sleep(queue, seen, napMs)) return;
  }
  report();
  seen = control.signal(queue);
  if (control.hasWork(queue)) return;
  await control.rest(queue, seen);
}
