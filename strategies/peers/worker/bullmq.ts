import { serialize } from 'node:v8';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Request, serve } from '../../library-pool/worker/serve.js';
import { endWithParent } from '../../processes/end-with-parent.js';
import type { CarriedDocument } from '../../session/reference.js';
import type { PeerTask } from '../peer-task.js';

/** The worker process is started with this, as JSON. */
export interface BullmqWorker {
  readonly workload: PeerTask;
  /** Redis is at this URL, or at this path of a socket. */
  readonly url: string;
  readonly queue: string;
  /** BullMQ runs this many jobs of the worker at once. */
  readonly concurrency: number;
}

/** A document is in its job in this form, because BullMQ writes job data as JSON. */
export interface JobData extends Omit<CarriedDocument, 'bytes'> {
  readonly base64: string;
}

const { workload, url, queue, concurrency } = JSON.parse(process.argv[2] as string) as BullmqWorker;
const served = await serve(workload);
const { failure } = await served('report');
const worker = failure === null ? startWorker() : null;

endWithParent();
process.on('message', async (request: Request) => {
  // Its timers would look like something that the task has left open.
  if (request === 'goodbye') await worker?.close();
  process.send?.(await served(request));
});

function startWorker(): Worker {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', () => {}); // it connects again
  const worker = new Worker<JobData, string>(
    queue,
    async ({ data: { base64, ...document } }) => {
      const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
      return serialize(await served({ ...document, bytes })).toString('base64');
    },
    { connection, concurrency },
  );
  worker.on('error', () => {}); // a broker that went away: BullMQ connects again
  return worker;
}
