import { Worker } from 'node:worker_threads';
import pMap from 'p-map';
import type { Document } from '../../workloads/workload.js';
import { crashed, outcome, type Reply } from '../session/outcome.js';
import { owned } from '../session/owned.js';
import { guarded } from '../session/session.js';
import { alone, type Outcome, type Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { type PeerTask, peerTask } from './peer-task.js';

/**
 * This peer is the code one writes before thinking of a pool: a new `Worker` for each document, at most
 * `workers` at once. The document travels in `workerData`, which is there when the thread starts, so that the
 * thread waits for no message.
 */
export default {
  name: 'thread-per-document',
  about: 'a new worker thread for each document',
  isolation: 'thread',
  origin: 'bare',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/thread-per-document.js', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  async open(workload, { workers, delivery, runId }) {
    const task = peerTask(workload, runId);
    const run = (document: Document): Promise<Reply> => {
      if (delivery === 'clone') return inThread<Reply>(task, document);
      const own = owned(document);
      return inThread<Reply>(task, own, [own.bytes.buffer]);
    };
    await inThread<null>(task, null); // this throws when the workload does not load
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const pulledMs = now();
            const reply: Promise<Outcome> = run(document).then(
              (reply) => outcome(document, pulledMs, reply),
              (cause: unknown) => crashed(document, cause),
            );
            await emit(await reply);
          },
          { concurrency: workers },
        );
      },
      async members() {
        return alone;
      },
      async close() {},
    });
  },
} satisfies Strategy;

/** Resolves with the one message of the thread, when the thread has ended. */
function inThread<Told>(
  task: PeerTask,
  document: Document | null,
  transferList: ArrayBuffer[] = [],
): Promise<Told> {
  const thread = new Worker(new URL('./worker/thread-per-document.js', import.meta.url), {
    workerData: { task, document },
    transferList,
  });
  return new Promise((resolve, reject) => {
    let told: { readonly message: Told } | null = null;
    thread.on('message', (message: Told) => {
      told = { message };
      void thread.terminate(); // a task may have left a handle that would keep it
    });
    thread.on('error', reject);
    thread.on('exit', (code) => {
      if (told === null) reject(new Error(`worker thread ended with exit code ${code}`));
      else resolve(told.message);
    });
  });
}
