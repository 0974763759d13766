import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import workerpool, { type Pool } from 'workerpool';
import type { Document, WorkloadRef } from '../workloads/workload.js';
import { now } from './clock.js';
import type { Answer } from './entries/process-pool.js';
import { heapLimitMb, memoryLimitMb } from './heap.js';
import { submitted } from './in-flight.js';
import { crashed, outcome, type Reply, timedOut } from './outcome.js';
import { MemoryWatch, StopWatch } from './process-watch.js';
import { rollCall } from './roll-call.js';
import { SecondAttempt } from './second-attempt.js';
import { guarded } from './session.js';
import type { OpenOptions, Outcome, Strategy, Unguarded } from './strategy.js';
import { Reaper } from './transport/reaper.js';

export default {
  name: 'process-pool',
  about: 'child processes and a central queue, one document a message (workerpool)',
  isolation: 'process',
  deliveries: ['message'],
  scales: true,
  async open(workload, options) {
    const again = new SecondAttempt(() => openPool(workload, { ...options, workers: 1 }, null));
    return guarded(await openPool(workload, options, again));
  },
} satisfies Strategy;

/** A worker that is to end has so long for it; workerpool's second would hold up everything behind it. */
const terminateMs = 50;

/** @param again what to do with a document whose worker has ended; null: it has crashed */
async function openPool(workload: WorkloadRef, options: OpenOptions, again: SecondAttempt | null): Promise<Unguarded> {
  const { workers, timeoutMs, heapMb = heapLimitMb(workers), memoryMb = memoryLimitMb(workers) } = options;
  const watched = new WatchedProcesses({ memoryMb, timeoutMs });
  const pool = workerpool.pool(fileURLToPath(new URL('./entries/process-pool.js', import.meta.url)), {
    workerType: 'process',
    minWorkers: 'max',
    maxWorkers: workers,
    workerTerminateTimeout: terminateMs,
    onCreateWorker() {
      setImmediate(() => watched.see(pool)); // it has no process before
      return {};
    },
    forkArgs: [JSON.stringify(workload)],
    forkOpts: {
      serialization: 'advanced', // JSON would turn the bytes into an object of numbers
      execArgv: [...process.execArgv, `--max-old-space-size=${heapMb}`],
    },
  });
  const ask = async (method: 'report' | 'goodbye'): Promise<Answer> => {
    const answer = (await pool.exec(method, [])) as Answer;
    if (answer.failure !== null) throw Object.assign(new Error(), answer.failure);
    return answer;
  };
  let killed = false;
  let ended: Promise<void> = Promise.resolve();
  const outcomeOf = async (document: Document): Promise<Outcome> => {
    const pulledMs = now();
    if (killed) return crashed(document, new Error('the session was ended')); // it would start a worker
    try {
      const asked = pool.exec('run', [document]);
      // It counts from when a worker gets the document, a replaced one's start-up included.
      const reply: Reply = await (timeoutMs === undefined ? asked : asked.timeout(timeoutMs));
      return outcome(document, pulledMs, reply);
    } catch (cause) {
      if (cause instanceof workerpool.Promise.TimeoutError) return timedOut(document, timeoutMs as number);
      return again === null ? crashed(document, cause) : again.of(document, cause);
    }
  };
  try {
    await rollCall(workers, () => ask('report'));
  } catch (error) {
    await pool.terminate(true);
    await watched.close();
    throw error;
  }
  return {
    async run(documents, emit) {
      again?.renew();
      await pMap(documents, async (document) => emit(await outcomeOf(document)), { concurrency: workers * submitted(1) });
    },
    async members() {
      const answers = await rollCall(workers, () => ask('report'));
      return { processes: answers.map(({ member }) => member), engines: answers.map(({ engine }) => engine) };
    },
    async close() {
      if (!killed) {
        await rollCall(workers, () => ask('goodbye'));
        ended = terminated(pool, false);
      }
      await ended;
      await watched.close();
    },
    kill() {
      killed = true;
      again?.stop();
      ended = terminated(pool, true);
    },
  };
}

/** workerpool's promises are its own. */
async function terminated(pool: Pool, force: boolean): Promise<void> {
  await pool.terminate(force);
}

/** The pool's child processes, as far as they have been seen: none outlives this process, none outgrows its share of the memory. */
class WatchedProcesses {
  readonly #reaper = new Reaper();
  readonly #memory: MemoryWatch;
  readonly #stopped: StopWatch | null;

  constructor({ memoryMb, timeoutMs }: { memoryMb: number; timeoutMs: number | undefined }) {
    this.#memory = new MemoryWatch(memoryMb);
    this.#stopped = timeoutMs === undefined ? null : new StopWatch(timeoutMs);
  }

  see(pool: Pool): void {
    // Missing in workerpool's type definitions; its own tests read it.
    for (const { worker } of (pool as unknown as { workers: readonly { worker: ChildProcess }[] }).workers) {
      const { pid } = worker;
      if (pid === undefined || this.#memory.has(pid) || worker.exitCode !== null) continue;
      this.#reaper.add(pid);
      this.#memory.add(pid, () => worker.kill('SIGKILL'));
      this.#stopped?.add(pid, () => worker.kill('SIGKILL'));
      worker.once('exit', () => {
        this.#stopped?.remove(pid);
        this.#reaper.remove(pid);
        this.#memory.remove(pid);
      });
    }
  }

  async close(): Promise<void> {
    this.#memory.close();
    this.#stopped?.close();
    await this.#reaper.close();
  }
}
