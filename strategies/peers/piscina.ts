import pMap from 'p-map';
import { Piscina } from 'piscina';
import type { Document } from '../../workloads/workload.js';
import { submitted } from '../library-pool/in-flight.js';
import { rollCall } from '../library-pool/roll-call.js';
import { owned } from '../session/owned.js';
import { guarded } from '../session/session.js';
import { taskError } from '../session/task-error.js';
import type { Result, Strategy } from '../strategy.js';
import { peerTask } from './peer-task.js';
import type { TaskFailure } from './worker/piscina.js';

/**
 * piscina as a user drives it: a function file, `pool.run(document)`, a limit on what is in flight, and the
 * bare values kept. The pool is configured exactly as that of `thread-pool` (`minThreads` = `maxThreads`,
 * `concurrentTasksPerWorker`), so that the difference between the two is the cost of our wrapping. Times
 * inside the worker are unknown here.
 */
export default {
  name: 'piscina',
  about: 'piscina driven by hand: what thread-pool costs over it is our wrapping',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/piscina-file.cjs', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16],
  async open(workload, { workers, delivery, runId, inFlight = 1 }) {
    const pool = new Piscina({
      filename: new URL('./worker/piscina-file.cjs', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: inFlight,
      workerData: peerTask(workload, runId),
    });
    const submit = (document: Document): Promise<unknown> => {
      if (delivery === 'clone') return pool.run(document);
      const own = owned(document);
      return pool.run(own, { transferList: [own.bytes.buffer] });
    };
    // piscina reports a worker that cannot load its workload by this event only, as in `thread-pool`.
    const failure = new Promise<never>((_, reject) => pool.on('error', reject));
    try {
      await Promise.race([failure, rollCall(workers, () => pool.run('report'))]);
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const result = await submit(document).then(settled, ended);
            await emit({
              index: document.index,
              id: document.id,
              worker: null,
              queuedMs: null,
              taskMs: null,
              ...result,
            });
          },
          { concurrency: workers * submitted(inFlight) },
        );
      },
      async members() {
        return { processes: [], engines: [] };
      },
      async close() {
        await rollCall(workers, () => pool.run('goodbye'), { patienceMs: 0 });
        await pool.destroy();
      },
    });
  },
} satisfies Strategy;

function settled(value: unknown): Result {
  return isFailure(value) ? { status: 'failed', error: value.forkwiseTaskError } : { status: 'ok', value };
}

function isFailure(value: unknown): value is TaskFailure {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'forkwiseTaskError');
}

/** A rejection means that the thread has ended, because errors of the task arrive as values. */
function ended(cause: unknown): Result {
  return { status: 'crashed', error: taskError(cause) };
}
