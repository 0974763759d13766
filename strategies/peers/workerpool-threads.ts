import { fileURLToPath } from 'node:url';
import workerpool from 'workerpool';
import { submitted } from '../library-pool/in-flight.js';
import { owned } from '../session/owned.js';
import type { Strategy } from '../strategy.js';
import { peerSession } from './peer-session.js';
import { peerTask } from './peer-task.js';

/**
 * workerpool with `workerType: 'thread'`, given explicitly because its default is `auto`. `minWorkers: 'max'`
 * starts all threads at once and keeps them. It sends a worker its next task when the last one is answered;
 * there is no option for more.
 */
export default {
  name: 'workerpool-threads',
  about: 'worker threads and a central queue, one document a message (workerpool)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/workerpool-threads.js', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  async open(workload, { workers, delivery, runId }) {
    const pool = workerpool.pool(fileURLToPath(new URL('./worker/workerpool-threads.js', import.meta.url)), {
      workerType: 'thread',
      minWorkers: 'max',
      maxWorkers: workers,
      workerThreadOpts: { workerData: peerTask(workload, runId) },
    });
    return peerSession({
      workers,
      isolation: 'thread',
      concurrency: workers * submitted(1),
      submit(document) {
        if (delivery === 'clone') return pool.exec('serve', [document]);
        const own = owned(document);
        return pool.exec('serve', [own], { transfer: [own.bytes.buffer] });
      },
      ask: (request) => pool.exec('serve', [request]),
      end: async () => void (await pool.terminate(true)),
    });
  },
} satisfies Strategy;
