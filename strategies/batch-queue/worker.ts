import type { Document } from '../../workloads/workload.js';
import { taskError } from '../session/outcome.js';
import { type OpenTask, openTask } from '../worker/task.js';
import { engineReport, processReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import type { FromChild, Parcel, Start, ToChild } from './protocol.js';
import { readRegion } from './regions.js';
import { ReplyColumns } from './replies.js';

/** The child's side of `transport/protocol.ts`. */

const { workload, fd } = JSON.parse(process.argv[2] as string) as Start;

/** Resolves when the system has it: a reply must not wait for the next batch to end. */
const send = (message: FromChild) =>
  new Promise<unknown>((resolve) => process.send?.(message, undefined, undefined, resolve));

// The parent is gone: nobody wants the results.
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal reaches the whole group; the parent decides when its workers end.
process.on('SIGINT', () => {});

let task: OpenTask;
try {
  task = await openTask(workload, thisWorker(), 'snapshot');
} catch (cause) {
  await send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToChild) => {
  last = last.then(() => serve(message));
});
await send({ kind: 'ready' });

async function serve(message: ToChild): Promise<void> {
  if (message.kind === 'parcel') return work(message);
  if (message.kind === 'report')
    return void (await send({ kind: 'report', member: processReport(), engine: engineReport(thisWorker()) }));
  await task.close();
  process.disconnect();
}

async function work(parcel: Parcel): Promise<void> {
  const bytes = task.views === 'shared' ? views(parcel) : copies(parcel);
  const columns = new ReplyColumns(bytes.length);
  if (parcel.watched) await send({ kind: 'began' });
  for (let i = 0; i < bytes.length; i++) {
    const own = bytes[i] as Uint8Array;
    const document: Document = {
      index: parcel.indexes[i] as number,
      id: parcel.ids[i] as string,
      size: own.length,
      bytes: own,
    };
    const reply = task.run(document);
    columns.add(reply instanceof Promise ? await reply : reply);
  }
  await send({ kind: 'replies', ...columns.replies });
}

/** Each the whole of its own buffer: the task may keep it, change it or transfer it. */
function copies({ documents, lengths }: Parcel): Uint8Array[] {
  if (typeof documents !== 'number') return documents.map((bytes) => new Uint8Array(bytes));
  const own = lengths.map(unfilled);
  readRegion(fd as number, own, documents);
  return own;
}

/** Without the zeros, which would be overwritten at once. */
function unfilled(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

/** For a task that only reads, and keeps nothing. The batch before has been answered: its bytes are of no more use. */
let arena = new Uint8Array(new SharedArrayBuffer(0));
function views({ documents, lengths }: Parcel): readonly Uint8Array[] {
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
