import type { Document } from '../../workloads/workload.js';
import { readRegion } from '../processes/regions.js';
import { taskError } from '../session/task-error.js';
import { connectProcess } from '../worker/connect.js';
import { filedParts } from '../worker/filed-parts.js';
import { sendLastWords } from '../worker/last-words.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { type OpenTask, openTask } from '../worker/task.js';
import { engineReport, processReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import type { BatchMessage, FromChild, PieceMessage, Start, ToChild } from './protocol.js';
import { ReplyColumns } from './replies.js';

/** This module is the child's side of `protocol.ts`. */

const { workload, workers, fd, services, timeoutMs, heapMb } = JSON.parse(process.argv[2] as string) as Start;

/** Resolves when the system has the message: a reply must not wait until the next batch ends. */
const send = (message: FromChild) =>
  new Promise<unknown>((resolve) => process.send?.(message, undefined, undefined, resolve));

// The parent has ended, so the results have no receiver.
process.on('disconnect', () => process.exit());
// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

let task: OpenTask;
try {
  task = await openTask(workload, {
    worker: thisWorker(),
    results: 'snapshot',
    large: filedParts(workers, (offer) => void send(offer)),
    services,
    timeoutMs,
    connect: connectProcess,
  });
} catch (cause) {
  await send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToChild) => {
  // The side channel has its own listener, and its messages must not wait for a batch.
  if (message.kind !== 'channel') last = last.then(() => serve(message));
});
await send({ kind: 'ready' });
whenHeapIsNear(heapMb, () => void send({ kind: 'near-limit' }));

async function serve(message: Exclude<ToChild, { kind: 'channel' }>): Promise<void> {
  if (message.kind === 'batch') return work(message);
  if (message.kind === 'piece') return takePiece(message);
  if (message.kind === 'report')
    return void (await send({ kind: 'report', member: processReport(), engine: engineReport(thisWorker()) }));
  await task.close();
  process.disconnect();
  process.exit(); // whatever the task has left open
}

async function work(batch: BatchMessage): Promise<void> {
  const bytes = task.views === 'shared' ? views(batch) : copies(batch);
  const columns = new ReplyColumns(bytes.length);
  if (batch.watched) await send({ kind: 'began' });
  for (let i = 0; i < bytes.length; i++) {
    const own = bytes[i] as Uint8Array;
    const document: Document = {
      index: batch.indexes[i] as number,
      id: batch.ids[i] as string,
      size: own.length,
      bytes: own,
    };
    const by = batch.by?.[i];
    const reply = task.run(by === undefined ? document : { ...document, by });
    columns.add(reply instanceof Promise ? await reply : reply);
  }
  await send({ kind: 'replies', ...columns.replies });
}

/** A large document, as far as its pieces have come. */
let large: Uint8Array | null = null;

async function takePiece({ size, at, length, bytes }: PieceMessage): Promise<void> {
  if (at === 0) large = unfilled(size);
  const piece = (large as Uint8Array).subarray(at, at + length);
  if (typeof bytes === 'number') readRegion(fd as number, [piece], bytes);
  else piece.set(bytes);
  await send({ kind: 'piece' });
}

function takeLarge(): Uint8Array[] {
  const whole = [large as Uint8Array];
  large = null;
  return whole;
}

/** Gives each document a buffer of its own, which the task may keep, change or transfer. */
function copies({ documents, lengths }: BatchMessage): Uint8Array[] {
  if (documents === 'pieces') return takeLarge();
  if (typeof documents !== 'number') return documents.map((bytes) => new Uint8Array(bytes));
  const own = lengths.map(unfilled);
  readRegion(fd as number, own, documents);
  return own;
}

/** Allocates without filling with zeros, which would be overwritten at once. */
function unfilled(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

/**
 * Memory for tasks that only read and keep nothing. It is used again because the previous batch has been
 * answered.
 */
let arena = new Uint8Array(new SharedArrayBuffer(0));
function views({ documents, lengths }: BatchMessage): readonly Uint8Array[] {
  if (documents === 'pieces') return takeLarge();
  if (typeof documents !== 'number') return documents;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (arena.length < total) arena = new Uint8Array(new SharedArrayBuffer(total));
  readRegion(fd as number, [arena.subarray(0, total)], documents);
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return arena.subarray(end - length, end);
  });
}
