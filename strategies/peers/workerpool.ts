import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import workerpool from 'workerpool';
import { workersOf } from '../library-pool/call-watch.js';
import { submitted } from '../library-pool/in-flight.js';
import { rollCall } from '../library-pool/roll-call.js';
import { ownGroup } from '../processes/group.js';
import { guarded } from '../session/session.js';
import { taskError } from '../session/task-error.js';
import type { Result, Strategy } from '../strategy.js';
import { PeerProcesses } from './peer-processes.js';
import { peerTask } from './peer-task.js';
import type { Answer } from './worker/workerpool.js';

/**
 * workerpool as a user drives it: registered methods, `pool.exec('run', [document])`, a limit on what is in
 * flight, and the bare values kept. The pool is configured exactly as that of `process-pool` (`minWorkers:
 * 'max'`, `forkOpts` with `serialization: 'advanced'`), so that the difference between the two is the cost of
 * our wrapping. Times inside the worker are unknown here, and so are the names of errors: workerpool turns
 * every error into an `Error`.
 */
export default {
  name: 'workerpool',
  about: 'workerpool with processes, driven by hand: what process-pool costs over it is our wrapping',
  isolation: 'process',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/workerpool.js', import.meta.url).href,
  deliveries: ['message'],
  travelsInFile: [],
  scales: true,
  async open(workload, { workers, runId }) {
    const pool = workerpool.pool(fileURLToPath(new URL('./worker/workerpool.js', import.meta.url)), {
      workerType: 'process',
      minWorkers: 'max',
      maxWorkers: workers,
      forkArgs: [JSON.stringify(peerTask(workload, runId))],
      forkOpts: { serialization: 'advanced', ...ownGroup },
    });
    const processes = new PeerProcesses(() => workersOf(pool).map(({ worker }) => worker?.pid));
    const ask = async (method: 'report' | 'goodbye') => (await pool.exec(method, [])) as Answer;
    try {
      await rollCall(workers, () => ask('report'));
    } catch (error) {
      await pool.terminate(true);
      await processes.close();
      throw error;
    }
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const result: Result = await pool.exec('run', [document]).then(succeeded, failed);
            await emit({
              index: document.index,
              id: document.id,
              worker: null,
              queuedMs: null,
              taskMs: null,
              ...result,
            });
          },
          { concurrency: workers * submitted(1) },
        );
      },
      async members() {
        return {
          processes: (await rollCall(workers, () => ask('report'))).map(({ member }) => member),
          engines: [],
        };
      },
      async close() {
        await rollCall(workers, () => ask('goodbye'), { patienceMs: 0 });
        await pool.terminate();
        await processes.close();
      },
    });
  },
} satisfies Strategy;

function succeeded(value: unknown): Result {
  return { status: 'ok', value };
}

function failed(cause: unknown): Result {
  return {
    status: cause instanceof workerpool.TerminateError ? 'crashed' : 'failed',
    error: taskError(cause),
  };
}
