import { Worker } from 'node:worker_threads';
import pMap from 'p-map';
import type { Document } from '../../workloads/workload.js';
import type { Answer } from '../library-pool/worker/serve.js';
import { crashed, outcome, type Reply } from '../session/outcome.js';
import { owned } from '../session/owned.js';
import type { CarriedDocuments } from '../session/reference.js';
import { guarded } from '../session/session.js';
import { errorOf } from '../session/task-error.js';
import type { Outcome, Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { type PeerTask, peerTask } from './peer-task.js';
import type { Ask, Told } from './worker/post-message.js';

/**
 * Number of messages that a worker may hold: it works on one and has the next one ready, so that it never
 * waits.
 */
const outstanding = 2;

/**
 * This peer uses no library: `worker_threads` and `postMessage`, with `inFlight` documents per message and
 * one message back. An afternoon of one's own work leads to this, and copying documents to threads cannot
 * cost less. The default is 32 documents, where small documents stop gaining; large ones are better off with
 * fewer.
 */
export default {
  name: 'post-message',
  about: 'worker threads and batches of documents in bare messages',
  isolation: 'thread',
  origin: 'bare',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/post-message.js', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  inFlight: [32, 8, 1],
  async open(workload, { workers, delivery, runId, inFlight = 32 }) {
    const task = peerTask(workload, runId);
    const threads = Array.from({ length: workers }, () => new ThreadHandle(task));
    const close = async () => void (await Promise.all(threads.map((thread) => thread.end())));
    try {
      await Promise.all(threads.map((thread) => thread.report()));
    } catch (error) {
      await close();
      throw error;
    }
    const ask = async (batch: readonly Document[], pulledMs: readonly number[]): Promise<Outcome[]> => {
      const thread = threads.reduce((idlest, thread) => (thread.waiting < idlest.waiting ? thread : idlest));
      const sent = delivery === 'clone' ? batch : batch.map(owned);
      const transfer = delivery === 'clone' ? [] : sent.map(({ bytes }) => bytes.buffer as ArrayBuffer);
      return thread.ask(sent, transfer).then(
        (replies) =>
          batch.map((document, i) =>
            outcome(document, pulledMs[i] as number, (replies as Reply[])[i] as Reply),
          ),
        (cause: unknown) => batch.map((document) => crashed(document, cause)),
      );
    };
    return guarded({
      async run(documents, emit) {
        await pMap(
          batches(documents, inFlight),
          async ({ batch, pulledMs }) => {
            for (const each of await ask(batch, pulledMs)) await emit(each);
          },
          { concurrency: workers * outstanding },
        );
      },
      async members() {
        return {
          processes: [],
          engines: (await Promise.all(threads.map((thread) => thread.report()))).map(({ engine }) => engine),
        };
      },
      async close() {
        await Promise.all(threads.map((thread) => thread.ask('goodbye')));
        await close();
      },
    });
  },
} satisfies Strategy;

async function* batches(
  documents: CarriedDocuments,
  size: number,
): AsyncGenerator<{ batch: Document[]; pulledMs: number[] }> {
  let next: { batch: Document[]; pulledMs: number[] } = { batch: [], pulledMs: [] };
  for await (const document of documents) {
    next.batch.push(document);
    next.pulledMs.push(now());
    if (next.batch.length < size) continue;
    yield next;
    next = { batch: [], pulledMs: [] };
  }
  if (next.batch.length > 0) yield next;
}

/**
 * One worker thread and its pending requests, which it answers in any order. A thread that ends is replaced.
 */
class ThreadHandle {
  readonly #task: PeerTask;
  #thread: Worker;
  #asked = new Map<number, { resolve(body: Told['body']): void; reject(cause: Error): void }>();
  #last = 0;
  #ending = false;

  constructor(task: PeerTask) {
    this.#task = task;
    this.#thread = this.#start();
  }

  get waiting(): number {
    return this.#asked.size;
  }

  ask(body: Ask['body'], transfer: readonly ArrayBuffer[] = []): Promise<Told['body']> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      // Throws for bytes that have been transferred before.
      this.#thread.postMessage({ id, body } satisfies Ask, transfer);
      this.#asked.set(id, { resolve, reject });
    });
  }

  /** @throws the error why the worker could not load its workload. */
  async report(): Promise<Answer> {
    const answer = (await this.ask('report')) as Answer;
    if (answer.failure !== null) throw errorOf(answer.failure);
    return answer;
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#thread.terminate();
  }

  #start(): Worker {
    const thread = new Worker(new URL('./worker/post-message.js', import.meta.url), {
      workerData: this.#task,
    });
    let cause: Error | null = null;
    thread.on('message', ({ id, body }: Told) => {
      this.#asked.get(id)?.resolve(body);
      this.#asked.delete(id);
    });
    thread.on('error', (error) => {
      cause = error as Error;
    });
    thread.on('exit', (code) => {
      const asked = [...this.#asked.values()];
      this.#asked.clear();
      if (!this.#ending) this.#thread = this.#start();
      for (const { reject } of asked)
        reject(cause ?? new Error(`worker thread ended with exit code ${code}`));
    });
    return thread;
  }
}
