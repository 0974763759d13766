import { fileURLToPath } from 'node:url';
import type { Document } from '../../workloads/workload.js';
import { submitted } from '../library-pool/in-flight.js';
import type { Answer, Request } from '../library-pool/worker/serve.js';
import type { Reply } from '../session/outcome.js';
import { owned } from '../session/owned.js';
import type { Strategy } from '../strategy.js';
import { library } from './library.js';
import { peerSession } from './peer-session.js';
import { peerTask } from './peer-task.js';

/**
 * poolifier's `FixedThreadPool`. Its task queues are on (`enableTasksQueue`): without them it puts everything
 * into its workers' ports at once, whatever runs there. `tasksQueueOptions.concurrency` is what is swept, one
 * being its default; a document goes to the worker with the least executing and queued (`LEAST_USED`, the
 * default), which balances well enough. Stealing (`taskStealing`, `tasksStealingOnBackPressure`) is off: in
 * 5.3 a stolen task is counted off the worker it was stolen from, so that the thief seems busy forever, gets
 * nothing more, and runs end up waiting for it (poolifier/poolifier#3211). `enableEvents` is off: there is no
 * listener, and each task would carry an `AsyncResource` for it.
 */
export default {
  name: 'poolifier',
  about: 'worker threads with a queue each, one document a message (poolifier)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/poolifier.js', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16],
  async open(workload, { workers, delivery, runId, inFlight = 1 }) {
    const { FixedThreadPool } = await library('poolifier', 'poolifier', () => import('poolifier'));
    const exits = new Exits(workers);
    const pool = new FixedThreadPool<Request | Document, Answer | Reply>(
      workers,
      fileURLToPath(new URL('./worker/poolifier.js', import.meta.url)),
      {
        enableEvents: false,
        enableTasksQueue: true,
        tasksQueueOptions: { concurrency: inFlight, taskStealing: false, tasksStealingOnBackPressure: false },
        workerOptions: { workerData: peerTask(workload, runId) },
        exitHandler: (code) => exits.happened(code),
      },
    );
    return peerSession({
      workers,
      isolation: 'thread',
      concurrency: workers * submitted(inFlight),
      submit(document) {
        if (delivery === 'clone') return pool.execute(document) as Promise<Reply>;
        const own = owned(document);
        return pool.execute(own, undefined, undefined, [own.bytes.buffer]) as Promise<Reply>;
      },
      ask: (request) => pool.execute(request) as Promise<Answer>,
      end: () => exits.all(() => pool.destroy()),
      lost: exits.lost,
    });
  },
} satisfies Strategy;

/** Tracks the threads' exits, which poolifier reports and does not always notice itself. */
class Exits {
  readonly #lost = new AbortController();
  #left: number;
  #ended: (() => void) | null = null;

  constructor(workers: number) {
    this.#left = workers;
  }

  /**
   * poolifier replaces a thread that ends, but it never answers for the tasks that ran or waited there, and
   * does not say which they were. Therefore the run is given up. (An answer that arrives after the thread's
   * end is an uncaught exception, whatever we do.)
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  happened(code: number): void {
    if (this.#ended === null)
      this.#lost.abort(
        new Error(`poolifier lost the documents of a worker thread that ended with exit code ${code}`),
      );
    else if (--this.#left === 0) this.#ended();
  }

  /**
   * Waits for all threads to exit. poolifier's own wait never ends if a thread exits before poolifier looks,
   * and it does not keep the process alive.
   */
  async all(destroy: () => Promise<void>): Promise<void> {
    const hold = setInterval(() => {}, 1000);
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    await Promise.race([destroy().then(() => ended), ended]);
    clearInterval(hold);
  }
}
