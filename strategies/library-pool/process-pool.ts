import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import workerpool, { type Pool } from 'workerpool';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { inheritedFlags } from '../processes/exec-argv.js';
import { heapLimitMb, memoryLimitMb } from '../processes/limits.js';
import { Reaper } from '../processes/reaper.js';
import { MemoryWatch, StopWatch } from '../processes/watch.js';
import { crashed, outcome, type Reply, timedOut } from '../session/outcome.js';
import { SecondAttempt } from '../session/second-attempt.js';
import { guarded } from '../session/session.js';
import type { OpenOptions, Outcome, Strategy, Unguarded } from '../strategy.js';
import { now } from '../worker/clock.js';
import { submitted } from './in-flight.js';
import { rollCall } from './roll-call.js';
import { Stall } from './stall.js';
import type { Answer } from './worker/process-pool.js';

export default {
  name: 'process-pool',
  about: 'child processes and a central queue, one document a message (workerpool)',
  isolation: 'process',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: 2,
  workerModule: new URL('./worker/process-pool.js', import.meta.url).href,
  deliveries: ['message'],
  travelsInFile: [],
  scales: true,
  async open(workload, options) {
    const again = new SecondAttempt(() => openPool(workload, { ...options, workers: 1 }, null));
    return guarded(await openPool(workload, options, again));
  },
} satisfies Strategy;

/** A worker that is to end has so long for it; workerpool's second would hold up everything behind it. */
const terminateMs = 50;

/** In so many rounds every worker that is there has been reached. */
const goodbyeRounds = 20;

/** @param again what to do with a document whose worker has ended; null: it has crashed */
async function openPool(
  workload: WorkloadRef,
  options: OpenOptions,
  again: SecondAttempt | null,
): Promise<Unguarded> {
  const { workers, timeoutMs, heapMb = heapLimitMb(workers), memoryMb = memoryLimitMb(workers) } = options;
  const watched = new WatchedProcesses({ memoryMb, timeoutMs });
  const start = () => {
    const made: Pool = workerpool.pool(fileURLToPath(new URL('./worker/process-pool.js', import.meta.url)), {
      workerType: 'process',
      minWorkers: 'max',
      maxWorkers: workers,
      workerTerminateTimeout: terminateMs,
      onCreateWorker() {
        setImmediate(() => watched.see(made)); // it has no process before
        return {};
      },
      forkArgs: [JSON.stringify(workload)],
      forkOpts: {
        serialization: 'advanced', // JSON would turn the bytes into an object of numbers
        execArgv: [...inheritedFlags(), `--max-old-space-size=${heapMb}`],
      },
    });
    return made;
  };
  let pool = start();
  // workerpool 10.0.3: when a worker that is being ended for its time is killed by something else, the next calls never settle; and
  // calls that wait when a worker ends may be forgotten until another call comes.
  const stall = new Stall({
    limitMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeoutMs + graceMs,
    atRest: () => pool.stats().busyWorkers === 0,
    ended() {
      void terminated(pool);
      pool = start();
    },
  });
  const exec = <T>(method: string, args: unknown[]): Promise<T> => {
    const asked = pool.exec(method, args);
    // It counts from when a worker gets the document, a replaced one's start-up included.
    return stall.guard<T>(timeoutMs === undefined ? asked : asked.timeout(timeoutMs));
  };
  const ask = async (method: 'report' | 'goodbye'): Promise<Answer> => {
    const answer = await exec<Answer>(method, []);
    if (answer.failure !== null) throw Object.assign(new Error(), answer.failure);
    return answer;
  };
  let killed = false;
  let ended: Promise<void> = Promise.resolve();
  const outcomeOf = async (document: Document): Promise<Outcome> => {
    const pulledMs = now();
    if (killed) return crashed(document, new Error('the session was ended')); // it would start a worker
    const storm = again?.storm ?? null;
    if (storm !== null) return crashed(document, storm);
    try {
      const reply = await exec<Reply>('run', [document]);
      again?.progress();
      return outcome(document, pulledMs, reply);
    } catch (cause) {
      if (cause instanceof workerpool.Promise.TimeoutError) return timedOut(document, timeoutMs as number);
      return again === null ? crashed(document, cause) : again.of(document, cause);
    }
  };
  try {
    await rollCall(workers, () => ask('report'));
  } catch (error) {
    await terminated(pool);
    await watched.close();
    throw error;
  }
  return {
    async run(documents, emit) {
      again?.progress();
      await pMap(documents, async (document) => emit(await outcomeOf(document)), {
        concurrency: workers * submitted(1),
      });
    },
    async members() {
      const answers = await rollCall(workers, () => ask('report'));
      return { processes: answers.map(({ member }) => member), engines: answers.map(({ engine }) => engine) };
    },
    async close() {
      if (!killed) {
        // Who has ended by now has no goodbye to say, and nobody waits for who does not answer.
        await within(
          graceMs,
          rollCall(workers, () => ask('goodbye'), goodbyeRounds),
        );
        ended = terminated(pool);
      }
      await ended;
      await watched.close();
    },
    kill() {
      killed = true;
      again?.stop();
      ended = terminated(pool);
    },
  };
}

/** Longer than a worker takes to start, or to say goodbye. */
const graceMs = 3000;

/** Resolves when the promise settles, or when the time is over. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}

/** Ends the pool whether its workers answer or not. */
async function terminated(pool: Pool): Promise<void> {
  await within(graceMs, Promise.resolve(pool.terminate(true, terminateMs)));
}

/** The pool's child processes, as far as they have been seen: none outlives this process, none outgrows its share of the memory. */
class WatchedProcesses {
  readonly #reaper = new Reaper();
  readonly #memory: MemoryWatch;
  readonly #stopped: StopWatch | null;
  readonly #left = new Map<number, () => void>();

  constructor({ memoryMb, timeoutMs }: { memoryMb: number; timeoutMs: number | undefined }) {
    this.#memory = new MemoryWatch(memoryMb);
    this.#stopped = timeoutMs === undefined ? null : new StopWatch(timeoutMs);
  }

  see(pool: Pool): void {
    // Missing in workerpool's type definitions; its own tests read it.
    for (const { worker } of (pool as unknown as { workers: readonly { worker: ChildProcess }[] }).workers) {
      const { pid } = worker;
      if (pid === undefined || this.#left.has(pid) || worker.exitCode !== null) continue;
      this.#reaper.add(pid);
      const end = () => worker.kill('SIGKILL');
      this.#left.set(pid, end);
      this.#memory.add(pid, end);
      this.#stopped?.add(pid, end);
      worker.once('exit', () => {
        this.#left.delete(pid);
        this.#stopped?.remove(pid);
        this.#reaper.remove(pid);
        this.#memory.remove(pid);
      });
    }
  }

  async close(): Promise<void> {
    this.#memory.close();
    this.#stopped?.close();
    for (const end of this.#left.values()) end(); // whom the pool has lost sight of
    await this.#reaper.close();
  }
}
