import { type ChildProcess, fork } from 'node:child_process';
import type { WorkloadRef } from '../workloads/workload.js';
import type { FromChild, ToChild } from './entries/queue.js';
import { crashed, outcome, type Reply } from './outcome.js';
import { type Pulled, Puller } from './puller.js';
import type { Strategy } from './strategy.js';

/**
 * Batches a worker may hold: one in its hands and one behind it, so that it never waits for the parent's answer. More
 * would only lengthen the queue in front of a slow document.
 */
const prefetch = 2;

/** A batch is worth about this much work: long against the message that carries it, short against the run. */
const batchMs = 2;
const mostDocuments = 32;
const mostBytes = 512 * 1024;

export default {
  name: 'queue',
  about: 'dedicated worker processes that pull batches from bounded queues with a prefetch credit',
  isolation: 'process',
  deliveries: ['message'],
  scales: true,
  async open(workload, { workers }) {
    const lanes = Array.from({ length: workers }, () => new Lane(workload));
    const opened = await Promise.allSettled(lanes.map((lane) => lane.ready()));
    const close = async () => void (await Promise.all(lanes.map((lane) => lane.close())));
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure !== undefined) {
      await close();
      throw failure.reason;
    }
    return {
      async run(documents, emit) {
        const puller = new Puller(documents);
        const batches = new BatchSize();
        // One loop a credit: it takes a batch when the one before has been emitted, which is the back-pressure.
        const serve = async (lane: Lane) => {
          for (;;) {
            const batch = await puller.take({ documents: batches.size, bytes: mostBytes });
            if (batch.length === 0) return;
            for (const { document, pulledMs, reply } of await lane.process(batch)) {
              if ('cause' in reply) await emit(crashed(document, reply.cause));
              else {
                batches.learn(reply.taskMs);
                await emit(outcome(document, pulledMs, reply));
              }
            }
          }
        };
        await Promise.all(Array.from({ length: prefetch }, () => lanes.map(serve)).flat());
      },
      async members() {
        const reports = await Promise.all(lanes.map((lane) => lane.report()));
        return { processes: reports.map(({ member }) => member), engines: reports.map(({ engine }) => engine) };
      },
      close,
    };
  },
} satisfies Strategy;

/** How many documents make a batch of `batchMs`, from a moving average of what a document has taken. */
class BatchSize {
  #taskMs = batchMs;

  learn(taskMs: number): void {
    this.#taskMs += (taskMs - this.#taskMs) / 16;
  }

  get size(): number {
    return Math.max(1, Math.min(mostDocuments, Math.round(batchMs / this.#taskMs)));
  }
}

type Report = Extract<FromChild, { kind: 'report' }>;
type Done = Pulled & { readonly reply: Reply | { readonly cause: Error } };

/** The child ended, or could not be reached, before it answered. */
class Death extends Error {
  /** Whether no other request was in its hands: then this one's document is to blame. */
  readonly alone: boolean;

  constructor(message: string, alone: boolean) {
    super(message);
    this.alone = alone;
  }
}

/**
 * One worker process. Protocol: the parent sends requests, the child answers each in order, with one message. When
 * the child ends, every request without an answer rejects with `Death`; their documents are then sent one by one to a
 * new child, and one that ends it while nothing else is in its hands has crashed.
 */
class Lane {
  readonly #workload: WorkloadRef;
  #child: Promise<ChildProcess> | null = null;
  readonly #waiting: { resolve: (answer: FromChild) => void; reject: (cause: Error) => void }[] = [];
  #alone: Promise<unknown> = Promise.resolve();

  constructor(workload: WorkloadRef) {
    this.#workload = workload;
  }

  /** Resolves when the child has loaded its workload; rejects with the reason it could not. */
  ready(): Promise<ChildProcess> {
    this.#child ??= this.#start();
    return this.#child;
  }

  async process(batch: readonly Pulled[]): Promise<Done[]> {
    try {
      return await this.#send(batch);
    } catch {
      return this.#oneByOne(batch);
    }
  }

  async report(): Promise<Report> {
    return (await this.#ask({ kind: 'report' })) as Report;
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.send({ kind: 'close' } satisfies ToChild);
    await ended;
  }

  async #send(batch: readonly Pulled[]): Promise<Done[]> {
    const answer = await this.#ask({ kind: 'documents', documents: batch.map(({ document }) => document) });
    const { replies } = answer as Extract<FromChild, { kind: 'replies' }>;
    return batch.map((pulled, i) => ({ ...pulled, reply: replies[i] as Reply }));
  }

  /** In turn with the lane's other suspects. */
  #oneByOne(batch: readonly Pulled[]): Promise<Done[]> {
    const done = this.#alone.then(async () => {
      const all: Done[] = [];
      for (const pulled of batch) {
        all.push(await this.#retry(pulled));
      }
      return all;
    });
    this.#alone = done;
    return done;
  }

  async #retry(pulled: Pulled): Promise<Done> {
    for (;;) {
      try {
        const [done] = await this.#send([pulled]);
        return done as Done;
      } catch (cause) {
        if (!(cause instanceof Death) || cause.alone) return { ...pulled, reply: { cause: cause as Error } };
      }
    }
  }

  async #ask(message: ToChild): Promise<FromChild> {
    const child = await this.ready();
    return new Promise((resolve, reject) => {
      const request = { resolve, reject };
      this.#waiting.push(request);
      child.send(message, (error) => {
        const at = this.#waiting.indexOf(request);
        if (error === null || at < 0) return;
        this.#waiting.splice(at, 1);
        reject(new Death(error.message, false));
      });
    });
  }

  #start(): Promise<ChildProcess> {
    const child = fork(new URL('./entries/queue.js', import.meta.url), [JSON.stringify(this.#workload)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return new Promise((resolve, reject) => {
      const fail = (message: string) => {
        this.#child = null;
        const cut = this.#waiting.splice(0);
        const death = new Death(message, cut.length <= 1);
        reject(death);
        for (const request of cut) request.reject(death);
      };
      child.on('message', (answer: FromChild) => {
        if (answer.kind === 'ready') resolve(child);
        else if (answer.kind === 'failed') reject(Object.assign(new Error(answer.error.message), answer.error));
        else this.#waiting.shift()?.resolve(answer);
      });
      child.on('error', (cause) => fail(cause.message));
      child.on('exit', (code, signal) => fail(`worker process ended with ${signal ?? `exit code ${code}`}`));
    });
  }
}
