import type { Document } from '../../workloads/workload.js';
import { endWithParent } from '../processes/end-with-parent.js';
import { readRegion } from '../processes/regions.js';
import type { LocalReply } from '../session/outcome.js';
import { taskError } from '../session/task-error.js';
import { connectProcess } from '../worker/connect.js';
import { filedParts } from '../worker/filed-parts.js';
import { sendLastWords } from '../worker/last-words.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { Places } from '../worker/places.js';
import { type OpenTask, openTask } from '../worker/task.js';
import { engineReport, processReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import type { BatchMessage, FromChild, Numbered, Start, ToChild } from './protocol.js';
import { ReceivedBytes } from './received-bytes.js';
import { ReplyColumns } from './replies.js';

/** This module is the child's side of `protocol.ts`. */

const start = JSON.parse(process.argv[2] as string) as Start;
const { workload, workers, fd, services, timeoutMs, heapMb } = start;
/** Tasks that may run at the same time. */
let { perWorker } = start;
/** Tasks that wait while others run. */
const places = new Places(() => perWorker);

/** Resolves when the system has the message: a reply must not wait until the next batch ends. */
const send = (message: FromChild) =>
  new Promise<unknown>((resolve) => process.send?.(message, undefined, undefined, resolve));

endWithParent(); // the results have no receiver then
// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

const received = new ReceivedBytes(fd);
let task: OpenTask;
try {
  task = await openTask(workload, {
    worker: thisWorker(),
    results: 'snapshot',
    large: filedParts(workers, (offer) => void send(offer)),
    services,
    timeoutMs,
    isShared: () => perWorker > 1,
    connect: connectProcess,
  });
} catch (cause) {
  await send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToChild) => {
  // The side channel has its own listener, and its messages must not wait for a batch.
  if (message.kind === 'channel') return;
  if (message.kind === 'per-worker') {
    perWorker = message.perWorker;
    places.wake();
  } else last = last.then(() => serve(message as Numbered<Request>));
});
await send({ kind: 'ready' });
whenHeapIsNear(heapMb, () => void send({ kind: 'near-limit' }));

type Request = Exclude<ToChild, { kind: 'channel' | 'per-worker' | 'run' }>;

async function serve(message: Numbered<Request>): Promise<void> {
  const { request } = message;
  if (message.kind === 'batch') return work(message, request);
  if (message.kind === 'piece') {
    received.takePiece(message);
    return void (await send({ kind: 'piece', request }));
  }
  if (message.kind === 'report') {
    const engines = [engineReport(thisWorker())];
    return void (await send({ kind: 'report', request, member: processReport(), engines }));
  }
  await task.close();
  process.disconnect();
  process.exit(); // whatever the task has left open
}

/** Resolves when the next batch may begin: its documents have ended, or wait and leave room for others. */
async function work(batch: BatchMessage, request: number): Promise<void> {
  if (places.pending > 0) await places.next();
  const bytes = task.views === 'shared' ? views(batch) : received.copies(batch);
  const columns = new ReplyColumns(bytes.length);
  /** Replies from the first document on whose end the next one does not wait for; null before it. */
  let beside: (LocalReply | Promise<LocalReply>)[] | null = null;
  if (batch.watched) await send({ kind: 'began', request });
  const isTouched = task.isServed && timeoutMs !== undefined;
  const touch = isTouched ? () => void send({ kind: 'touched', request }) : undefined;
  for (let i = 0; i < bytes.length; i++) {
    const own = bytes[i] as Uint8Array;
    const document: Document = {
      index: batch.indexes[i] as number,
      id: batch.ids[i] as string,
      size: own.length,
      bytes: own,
    };
    const by = batch.by?.[i];
    if (places.pending > 0) await places.next();
    const reply = task.run(by === undefined ? document : { ...document, by }, touch);
    const isPending = reply instanceof Promise && (perWorker > 1 || places.pending > 0 || beside !== null);
    if (beside === null && !isPending) columns.add(reply instanceof Promise ? await reply : reply);
    else if (!isPending) beside?.push(reply);
    else {
      beside ??= [];
      beside.push(counted(reply));
    }
  }
  const answer = () => send({ kind: 'replies', request, ...columns.replies });
  if (beside === null) await answer();
  else
    void Promise.all(beside).then((replies) => {
      for (const reply of replies) columns.add(reply);
      return answer();
    });
}

/** Counts a task that waits while others run. */
async function counted(answer: Promise<LocalReply>): Promise<LocalReply> {
  places.pending++;
  const reply = await answer;
  places.pending--;
  places.ended(reply);
  places.wake();
  return reply;
}

/**
 * Memory for tasks that only read and keep nothing. It is used again when the previous batch has been
 * answered, as it has where batches are served one after the other.
 */
let arena = new Uint8Array(new SharedArrayBuffer(0));
function views({ documents, lengths }: BatchMessage): readonly Uint8Array[] {
  if (documents === 'pieces') return received.takeLarge();
  if (typeof documents !== 'number') return documents;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (perWorker > 1 || places.pending > 0 || arena.length < total)
    arena = new Uint8Array(new SharedArrayBuffer(total));
  readRegion(fd as number, [arena.subarray(0, total)], documents);
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return arena.subarray(end - length, end);
  });
}
