import { submitted } from '../library-pool/in-flight.js';
import type { Strategy } from '../strategy.js';
import { library } from './library.js';
import { PeerProcesses } from './peer-processes.js';
import { peerSession } from './peer-session.js';
import { peerTask } from './peer-task.js';

/**
 * tinypool on child processes. `runtime: 'child_process'` with `serialization: 'advanced'`, since JSON, the
 * default, would turn bytes into an object of numbers; `minThreads` = `maxThreads`;
 * `concurrentTasksPerWorker` is what is swept, one being its default. The environment is passed on:
 * tinypool's children have an empty one otherwise.
 */
export default {
  name: 'tinypool-processes',
  about: 'child processes and a central queue, one document a message (tinypool)',
  isolation: 'process',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/tinypool-processes.js', import.meta.url).href,
  deliveries: ['message'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16],
  async open(workload, { workers, runId, inFlight = 1 }) {
    const { Tinypool } = await library('tinypool-processes', 'tinypool', () => import('tinypool'));
    const pool = new Tinypool({
      filename: new URL('./worker/tinypool-processes.js', import.meta.url).href,
      runtime: 'child_process',
      serialization: 'advanced',
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: inFlight,
      argv: [JSON.stringify(peerTask(workload, runId))],
      env: process.env as Record<string, string>,
    });
    return peerSession(
      {
        workers,
        isolation: 'process',
        concurrency: workers * submitted(inFlight),
        submit: (document) => pool.run(document),
        ask: (request) => pool.run(request),
        end: () => pool.destroy(),
      },
      // A worker that is a process has the process's id for the id of its thread.
      { processes: new PeerProcesses(() => pool.threads.map(({ threadId }) => threadId)) },
    );
  },
} satisfies Strategy;
