import { type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads';
import type { WorkloadRef } from '../../workloads/workload.js';
import { now } from '../clock.js';
import { engineReport } from '../member.js';
import type { Reply } from '../outcome.js';
import { openTask } from '../task.js';

/** Parent to worker: where in the arena each document lies. */
export interface Partition {
  readonly arena: SharedArrayBuffer;
  readonly entries: readonly { readonly index: number; readonly id: string; readonly size: number; readonly offset: number }[];
}

/** Parent to worker, in place of a partition: say how you are; or end. */
export type Request = 'report' | 'close';

/** Worker to parent: replies in the order of the entries, many a message; `done` with the last of a partition. */
export interface Finished {
  readonly replies: Reply[];
  readonly done: boolean;
}

/** Outcomes are held back for at most this long or this many, whichever comes first: a message costs 20 µs and more. */
const flush = { ms: 10, count: 256 };

const { workload, current } = workerData as { workload: WorkloadRef; current: Int32Array };
const port = parentPort as MessagePort;
const task = await openTask(workload, threadId);
port.on('message', async (message: Partition | Request) => {
  if (typeof message === 'object') return work(message);
  if (message === 'report') return port.postMessage(engineReport(threadId));
  await task.close();
  port.close();
});
port.postMessage('ready');

async function work({ arena, entries }: Partition): Promise<void> {
  let replies: Reply[] = [];
  let flushedMs = now();
  const send = (done: boolean) => {
    port.postMessage({ replies, done } satisfies Finished);
    replies = [];
    flushedMs = now();
  };
  for (const [position, { offset, ...document }] of entries.entries()) {
    Atomics.store(current, 0, position);
    // A private copy: the task may keep it, change it or return it.
    const bytes = new Uint8Array(arena, offset, document.size).slice();
    const reply = task.run({ ...document, bytes });
    replies.push(reply instanceof Promise ? await reply : reply);
    if (replies.length >= flush.count || now() - flushedMs >= flush.ms) send(false);
  }
  send(true);
}
