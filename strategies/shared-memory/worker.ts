import { setImmediate } from 'node:timers';
import { type MessagePort, parentPort, resourceLimits, workerData } from 'node:worker_threads';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { now } from '../worker/clock.js';
import { connectThread } from '../worker/connect.js';
import { keepFreedMemory } from '../worker/freed-memory.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { Places } from '../worker/places.js';
import { openTask } from '../worker/task.js';
import { engineReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import { ClaimTable, oversized } from './claim-table.js';
import { privateCopy } from './copy-bytes.js';
import type { ArenaWorkerData, FromWorker, ToWorker } from './protocol.js';
import { Unreported } from './unreported.js';

/**
 * A worker thread of the arena. It claims one document at a time from its queue (`ClaimTable.claim`), runs
 * the task and keeps the outcome until it has enough of them for one message to the caller (`Unreported`).
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

const unreported = new Unreported(port, flush);
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
    if (suspect || unreported.isFull() || unreported.isTime(reply)) report();
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
  if (unreported.isFull() || (isLong && unreported.isTime(reply))) report();
  else if (!unreported.isTime(reply)) free(1);
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
  unreported.keep(slot, document.size, reply);
  return reply.startedMs + reply.taskMs;
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

/** Reports the outcomes and frees the places of their tasks. */
function report(): void {
  if (unreported.isEmpty()) return;
  free(held);
  unreported.send();
}

/** Waits until there may be something to claim. */
async function idle(): Promise<void> {
  let seen = table.signal(queue);
  if (table.hasWork(queue)) return;
  if (!waits) {
    if (!unreported.isEmpty() && !table.isEager()) table.setKeeping(number, true);
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
