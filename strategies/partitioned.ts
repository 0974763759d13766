import { Worker } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../workloads/workload.js';
import { now } from './clock.js';
import type { Finished, Partition, Request } from './entries/partition.js';
import { crashed, outcome } from './outcome.js';
import { balance } from './partition.js';
import type { Documents, Emit, Engine, Outcome, Strategy } from './strategy.js';

/**
 * Documents are read a window at a time, so that a stream of any length runs in bounded memory. A window is cut into
 * one partition a worker, balanced by bytes, and copied into one shared arena. Workers read the arena and post their
 * outcomes in bulk; the next window begins when the last partition of this one has ended.
 */
const windowBytes = 32 * 2 ** 20;

export default {
  name: 'partitioned',
  about: 'documents split up front into partitions of equal bytes, one a worker thread, over shared memory',
  isolation: 'thread',
  deliveries: ['shared'],
  scales: true,
  async open(workload, { workers }) {
    const lanes = await openAll(workload, workers);
    let arena = new SharedArrayBuffer(0);
    return {
      async run(documents, emit) {
        const emitInTurn = inTurn(emit);
        for await (const window of windows(documents)) {
          const bytes = window.reduce((sum, { document }) => sum + document.size, 0);
          if (arena.byteLength < bytes) arena = new SharedArrayBuffer(bytes);
          const partitions = balance(window, workers, ({ document }) => document.size);
          let offset = 0;
          await Promise.all(
            partitions.map((partition, i) => {
              const placed = partition.map((pulled) => {
                new Uint8Array(arena, offset, pulled.document.size).set(pulled.document.bytes);
                offset += pulled.document.size;
                return { ...pulled, offset: offset - pulled.document.size };
              });
              return (lanes[i] as Lane).process({ arena, placed }, emitInTurn);
            }),
          );
          await emitInTurn([]);
        }
      },
      async members() {
        return { processes: [], engines: await Promise.all(lanes.map((lane) => lane.report())) };
      },
      async close() {
        await Promise.all(lanes.map((lane) => lane.close()));
      },
    };
  },
} satisfies Strategy;

interface Pulled {
  readonly document: Document;
  readonly pulledMs: number;
}

interface Placed extends Pulled {
  readonly offset: number;
}

interface Job {
  readonly arena: SharedArrayBuffer;
  readonly placed: readonly Placed[];
}

async function* windows(documents: Documents): AsyncGenerator<Pulled[]> {
  let window: Pulled[] = [];
  let bytes = 0;
  for await (const document of documents) {
    window.push({ document, pulledMs: now() });
    bytes += document.size;
    if (bytes < windowBytes) continue;
    yield window;
    window = [];
    bytes = 0;
  }
  if (window.length > 0) yield window;
}

type EmitAll = (outcomes: readonly Outcome[]) => Promise<void>;

/** Emits batches in the order they came, one outcome after the other, each waiting for a slow consumer. */
function inTurn(emit: Emit): EmitAll {
  let last: Promise<void> = Promise.resolve();
  return (outcomes) => {
    last = last.then(async () => {
      for (const outcome of outcomes) {
        const slow = emit(outcome);
        if (slow) await slow;
      }
    });
    return last;
  };
}

/** Opens all lanes, or none: when one fails, the others are closed before the error is passed on. */
async function openAll(workload: WorkloadRef, workers: number): Promise<Lane[]> {
  const lanes = Array.from({ length: workers }, () => new Lane(workload));
  const opened = await Promise.allSettled(lanes.map((lane) => lane.ready()));
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure === undefined) return lanes;
  await Promise.all(lanes.map((lane) => lane.close()));
  throw failure.reason;
}

/** By name: removing all listeners would remove Node's own, which start the port when somebody listens. */
function unhear(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

/**
 * One worker thread and its partition. Protocol: the parent posts a partition; the worker writes the position of the
 * document in its hands into the shared word `current` before each task and posts finished outcomes in order, the
 * last message of a partition saying so. When the thread ends early, all messages it posted have been read first:
 * what was reported is done, the document at `current` crashed, and the rest is posted to a new thread.
 */
class Lane {
  readonly #workload: WorkloadRef;
  readonly #current = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | null = null;

  constructor(workload: WorkloadRef) {
    this.#workload = workload;
  }

  /** Resolves when the worker has loaded its workload; rejects with the reason it could not. */
  async ready(): Promise<Worker> {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL('./entries/partition.js', import.meta.url), {
      workerData: { workload: this.#workload, current: this.#current },
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`worker thread ended with exit code ${code} before it was ready`)));
    });
    unhear(worker);
    this.#worker = worker;
    return worker;
  }

  async process({ arena, placed }: Job, emitAll: EmitAll): Promise<void> {
    let left = placed;
    while (left.length > 0) {
      let worker: Worker;
      try {
        worker = await this.ready();
      } catch (cause) {
        return void (await emitAll(left.map(({ document }) => crashed(document, cause))));
      }
      const { reported, death } = await this.#attempt(worker, { arena, placed: left }, emitAll);
      if (death === null) return;
      const culprit = left[Math.max(reported, Atomics.load(this.#current, 0))] as Placed;
      await emitAll([crashed(culprit.document, death)]);
      left = left.slice(reported).filter((one) => one !== culprit);
    }
  }

  /** Posts the documents and emits what comes back, until all are reported or the thread dies. */
  #attempt(worker: Worker, { arena, placed }: Job, emitAll: EmitAll): Promise<{ reported: number; death: unknown }> {
    return new Promise((resolve) => {
      let reported = 0;
      let error: unknown = null;
      const end = (death: unknown) => {
        unhear(worker);
        if (death !== null) this.#worker = null;
        resolve({ reported, death });
      };
      worker.on('message', ({ replies, done }: Finished) => {
        const outcomes = replies.map((reply) => {
          const { document, pulledMs } = placed[reported++] as Placed;
          return outcome(document, pulledMs, reply);
        });
        emitAll(outcomes);
        if (done) end(null);
      });
      worker.on('error', (cause) => {
        error = cause;
      });
      worker.on('exit', (code) => end(error ?? new Error(`worker thread ended with exit code ${code}`)));
      worker.postMessage({
        arena,
        entries: placed.map(({ document: { index, id, size }, offset }) => ({ index, id, size, offset })),
      } satisfies Partition);
    });
  }

  /** Asked between runs alone. */
  async report(): Promise<Engine> {
    const worker = await this.ready();
    const answer = new Promise<Engine>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('exit', (code) => reject(new Error(`worker thread ended with exit code ${code}`)));
    });
    worker.postMessage('report' satisfies Request);
    return answer.finally(() => unhear(worker));
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close' satisfies Request);
    await ended;
  }
}
