import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { deserialize } from 'node:v8';
import { type OwnRedis, startRedis } from '../broker/own-redis.js';
import { submitted } from '../library-pool/in-flight.js';
import type { Answer, Request } from '../library-pool/worker/serve.js';
import { inheritedFlags } from '../processes/exec-argv.js';
import { ownGroup } from '../processes/group.js';
import type { Reply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Strategy } from '../strategy.js';
import { library } from './library.js';
import { PeerProcesses } from './peer-processes.js';
import { peerSession } from './peer-session.js';
import { peerTask } from './peer-task.js';
import type { BullmqWorker, JobData } from './worker/bullmq.js';

/**
 * BullMQ as its documentation shows it: one job per document, worker processes with `concurrency`, which is
 * what is swept, and return values that the caller takes from `QueueEvents`. `waitUntilFinished` would ask
 * Redis once more per job. Jobs are removed when they are finished, or Redis would grow with every document.
 * ioredis' automatic pipelining saves nothing here and is off, as it is by default.
 *
 * Job data and return values are JSON: bytes travel as base64, and so do values, in the form of
 * `v8.serialize`. Locks have BullMQ's own times, so the job of a worker that has died runs again after up to
 * 60 s.
 */
export default {
  name: 'bullmq',
  about: 'worker processes and a queue in Redis, one job per document (BullMQ)',
  isolation: 'machine',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 2,
  workerModule: new URL('./worker/bullmq.js', import.meta.url).href,
  deliveries: ['message', 'reference'],
  travelsInFile: [],
  scales: true,
  inFlight: [16, 1, 4, 64],
  async open(workload, { workers, delivery, broker, runId, inFlight = 16 }) {
    const { Queue, QueueEvents } = await library('bullmq', 'bullmq', () => import('bullmq'));
    const { Redis } = await library('bullmq', 'ioredis', () => import('ioredis'));
    const redis = broker?.url === undefined ? await startRedis() : null;
    const url = broker?.url ?? (redis as OwnRedis).url;
    const connection = new Redis(url, { maxRetriesPerRequest: null });
    connection.on('error', () => {}); // it connects again
    const name = `forkwise-bullmq-${randomUUID()}`;
    const queue = new Queue(name, { connection });
    // The first event must not be missed, whenever the reading begins.
    const events = new QueueEvents(name, { connection, lastEventId: '0-0' });
    const waiting = new Map<string, Waiting>();
    events.on('completed', ({ jobId, returnvalue }) => {
      take(jobId)?.resolve(deserialize(Buffer.from(returnvalue as unknown as string, 'base64')) as Reply);
    });
    events.on('failed', ({ jobId, failedReason }) => take(jobId)?.reject(new Error(failedReason)));
    const take = (jobId: string): Waiting | undefined => {
      const one = waiting.get(jobId);
      waiting.delete(jobId);
      return one;
    };
    // Commands reject by themselves.
    queue.on('error', () => {});
    events.on('error', () => {});
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    const task = peerTask(workload, runId);
    const pool = Array.from(
      { length: workers },
      () => new WorkerProcess({ workload: task, url, queue: name, concurrency: inFlight }),
    );
    let next = 0;
    let asked = 0;
    return peerSession(
      {
        workers,
        isolation: 'process',
        concurrency: workers * submitted(inFlight),
        submit: (document) =>
          new Promise<Reply>((resolve, reject) => {
            const jobId = `document-${next++}`; // BullMQ refuses ids that are whole numbers
            waiting.set(jobId, { resolve, reject });
            queue
              .add('document', jobData(document), { jobId, removeOnComplete: true, removeOnFail: true })
              .catch((cause: Error) => take(jobId)?.reject(cause));
          }),
        ask: (request) => (pool[asked++ % workers] as WorkerProcess).ask(request),
        async end() {
          await Promise.all(pool.map((worker) => worker.end()));
          if (redis === null) await queue.obliterate({ force: true });
          await Promise.all([queue.close(), events.close()]);
          connection.disconnect();
          await redis?.close();
        },
      },
      {
        takesReferences: delivery === 'reference',
        processes: new PeerProcesses(() => pool.map(({ pid }) => pid)),
        ...(redis !== null && { beside: () => redis.usage() }),
      },
    );
  },
} satisfies Strategy;

interface Waiting {
  resolve(reply: Reply): void;
  reject(cause: Error): void;
}

function jobData({ bytes, ...document }: CarriedDocument): JobData {
  const { buffer, byteOffset, length } = bytes;
  return { ...document, base64: Buffer.from(buffer, byteOffset, length).toString('base64') };
}

/** A process with one BullMQ worker. When it has ended, another one is started, as a service manager does. */
class WorkerProcess {
  readonly #options: BullmqWorker;
  #child: ChildProcess;
  #ending = false;
  #asked: { resolve(answer: Answer): void; reject(cause: Error): void } | null = null;

  constructor(options: BullmqWorker) {
    this.#options = options;
    this.#child = this.#start();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#child.send(request, (error) => error !== null && reject(error));
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  #start(): ChildProcess {
    const child = fork(new URL('./worker/bullmq.js', import.meta.url), [JSON.stringify(this.#options)], {
      serialization: 'advanced',
      execArgv: inheritedFlags(),
      ...ownGroup,
    });
    child.on('message', (answer: Answer) => this.#asked?.resolve(answer));
    child.on('error', (error) => this.#asked?.reject(error));
    child.on('exit', (code, signal) => {
      this.#asked?.reject(new Error(`worker process ended with ${signal ?? `exit code ${code}`}`));
      if (!this.#ending) this.#child = this.#start();
    });
    return child;
  }
}
