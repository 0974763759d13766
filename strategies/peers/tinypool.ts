import type { Tinypool, TinypoolWorker } from 'tinypool';
import { submitted } from '../library-pool/in-flight.js';
import { owned } from '../session/owned.js';
import type { Strategy } from '../strategy.js';
import { library } from './library.js';
import { peerSession } from './peer-session.js';
import { peerTask } from './peer-task.js';

/**
 * tinypool on worker threads. `minThreads` = `maxThreads`, so that no thread comes or goes; `useAtomics`
 * stays on, its default, which saves one turn of the event loop per task; `concurrentTasksPerWorker` is what
 * is swept: its default is one, and its best for small documents 16, since the wake-up of a thread costs more
 * than the work.
 */
export default {
  name: 'tinypool',
  about: 'worker threads and a central queue, one document a message (tinypool)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/tinypool.js', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16],
  async open(workload, { workers, delivery, runId, inFlight = 1 }) {
    const { Tinypool } = await library('tinypool', 'tinypool', () => import('tinypool'));
    const pool = new Tinypool({
      filename: new URL('./worker/tinypool.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: inFlight,
      workerData: peerTask(workload, runId),
    });
    const exits = new Exits(pool);
    return peerSession({
      workers,
      isolation: 'thread',
      concurrency: workers * submitted(inFlight),
      submit(document) {
        if (delivery === 'clone') return pool.run(document);
        const own = owned(document);
        return pool.run(own, { transferList: [own.bytes.buffer] });
      },
      ask: (request) => pool.run(request),
      end() {
        exits.expected = true;
        return pool.destroy();
      },
    });
  },
} satisfies Strategy;

/**
 * Turns the exit of a thread into an error, as tinypool itself does for the exit of a child process. Without
 * it a task that ends its thread is never answered, and the pool can never be destroyed.
 */
class Exits {
  expected = false;
  readonly #pool: Tinypool;
  readonly #watched = new WeakSet<TinypoolWorker>();

  constructor(pool: Tinypool) {
    this.#pool = pool;
    this.#watch();
  }

  #watch(): void {
    for (const thread of this.#pool.threads) {
      if (this.#watched.has(thread)) continue;
      this.#watched.add(thread);
      thread.once('exit', (code: number) => {
        if (this.expected) return;
        thread.emit('error', new Error(`worker thread ended with exit code ${code}`));
        this.#watch(); // watches the replacement, too
      });
    }
  }
}
