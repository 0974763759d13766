import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import workerpool, { type Pool } from 'workerpool';
import { taskServices, usesServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { allocator } from '../processes/allocator.js';
import { inheritedFlags } from '../processes/exec-argv.js';
import { killGroup, ownGroup } from '../processes/group.js';
import { heapLimit, processLimit } from '../processes/limits.js';
import { processEnd, withLastWords } from '../processes/process-end.js';
import { Reaper } from '../processes/reaper.js';
import { type FileOffer, ResultFile } from '../processes/result-file.js';
import { isRedirected } from '../processes/task-output.js';
import { MemoryWatch, StopWatch } from '../processes/watch.js';
import { maxRuns } from '../session/attempts.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { abortGraceMs, type Reply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { SecondAttempt } from '../session/second-attempt.js';
import { checkedPerWorker, guarded } from '../session/session.js';
import { CallerEnd, connectChild } from '../session/side-channel.js';
import type { WorkerEnded } from '../session/task-error.js';
import type { OpenOptions, Strategy, TaskError } from '../strategy.js';
import type { LastWords } from '../worker/last-words.js';
import { processWorker } from '../worker/worker-id.js';
import {
  CallWatch,
  callsOf,
  isStarting,
  LimitedCall,
  shareWorkers,
  workersOf,
  workerWith,
} from './call-watch.js';
import { submitted } from './in-flight.js';
import { type PoolParts, poolSession, within } from './pool-session.js';
import { ProcessRetirement } from './process-retirement.js';
import { Stall } from './stall.js';
import type { NearLimit, ProcessPoolData, Touched } from './worker/process-pool.js';
import type { Answer, Request } from './worker/serve.js';

const file = new URL('./worker/process-pool.js', import.meta.url);

export default {
  name: 'process-pool',
  about: 'child processes and a central queue, one document a message (workerpool)',
  isolation: 'process',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: maxRuns.reportedAlone,
  retires: true,
  workerModule: file.href,
  deliveries: ['message', 'reference'],
  travelsInFile: [],
  scales: true,
  perWorker: true,
  async open(workload, options) {
    const parts = { callerEnd: new CallerEnd(options.channel, options), services: taskServices(options) };
    const alone = { ...options, workers: 1, perWorker: 1 };
    const again = new SecondAttempt(() => open(workload, alone, { ...parts, again: null }));
    const session = await open(workload, options, { ...parts, again });
    return guarded({ ...session, takesReferences: options.delivery === 'reference' });
  },
} satisfies Strategy;

/**
 * A worker that is ended has this long to exit, ms. By default workerpool waits a second and delays
 * everything else.
 */
const terminateMs = 50;

/** The pool takes less than this to end, and a worker to answer a question about itself, ms. */
const graceMs = 3000;

/** The last messages of a process that has exited are read within this time, ms. */
const readMs = 200;

function open(workload: WorkloadRef, options: OpenOptions, { callerEnd, services, again }: PoolParts) {
  const { workers, timeoutMs, heapMb, memoryMb } = options;
  let perWorker = checkedPerWorker(options.perWorker ?? 1);
  /** Questions about workers must reach all of them, so that each worker gets one call meanwhile. */
  let questions = 0;
  const heap = heapLimit(workers, heapMb);
  const memory = new MemoryWatch({ memory: processLimit(workers, memoryMb), heap });
  const watched = new WatchedProcesses({ memory, timeoutMs, callerEnd, hidden: again?.hidden });
  const retirement = new ProcessRetirement();
  /** A pool that ends may still replace a worker that has just crashed. */
  const ended = new WeakSet<Pool>();
  const terminate = async (one: Pool) => {
    ended.add(one);
    // Its workers may not answer.
    await within(graceMs, Promise.resolve(one.terminate(true, terminateMs)));
  };
  const start = () => {
    const made: Pool = workerpool.pool(fileURLToPath(file), {
      workerType: 'process',
      minWorkers: 'max',
      maxWorkers: workers,
      workerTerminateTimeout: terminateMs,
      onCreateWorker() {
        // Its process does not exist yet. No other code runs before it does and is seen.
        queueMicrotask(() => {
          watched.see(made, (child) => retirement.retire(made, child));
          shareWorkers(made, () => (questions > 0 ? 1 : perWorker));
          if (ended.has(made)) watched.kill(made);
        });
        return {};
      },
      forkArgs: [
        JSON.stringify({ workload, workers, services, timeoutMs, heapMb: heap.mb } satisfies ProcessPoolData),
      ],
      forkOpts: {
        env: { ...allocator, ...process.env },
        serialization: 'advanced', // JSON would turn the bytes into an object of numbers
        execArgv: endingWith(`--max-old-space-size=${heap.mb}`, inheritedFlags()),
        ...ownGroup,
        silent: isRedirected(), // workerpool overrides the option `stdio`
      },
    });
    return made;
  };
  let pool = start();
  // Two defects of workerpool 10.0.3 make calls wait forever. When a worker is being ended for its time and
  // something else kills it, the next calls never settle. Calls that wait when a worker ends may be forgotten
  // until another comes.
  const stall = new Stall({
    // A document that waits for a service has no time limit.
    limitMs:
      timeoutMs === undefined || usesServices(services) ? Number.POSITIVE_INFINITY : timeoutMs + graceMs,
    isIdle: () => workersOf(pool).every((worker) => callsOf(worker) === 0) && retirement.workers.length === 0,
    isStarting: () => isStarting(workersOf(pool)),
    ended() {
      void terminate(pool);
      pool = start();
    },
  });
  const busy = () => [...workersOf(pool), ...retirement.workers];
  const watch = timeoutMs === undefined ? null : new CallWatch(busy, timeoutMs);
  const exec = (argument: Request | CarriedDocument, options: object | undefined) => {
    const asked = pool.exec('serve', [argument], options);
    if (options instanceof LimitedCall) options.asked = asked;
    return asked;
  };
  const call = <T>(argument: Request | CarriedDocument, limitMs: number | undefined): Promise<T> =>
    stall.guard<T>(
      exec(
        argument,
        limitMs === undefined
          ? undefined
          : new LimitedCall(limitMs, typeof argument === 'string' ? null : argument.index),
      ),
    );
  const endMs = timeoutMs === undefined ? undefined : timeoutMs + abortGraceMs;
  // A short time limit of the tasks must not end workers that are asked for a report.
  const askMs = timeoutMs === undefined ? undefined : Math.max(timeoutMs, graceMs);
  return poolSession(
    {
      workers,
      isolation: 'process',
      get concurrency() {
        return workers * submitted(perWorker);
      },
      setPerWorker(value) {
        perWorker = value;
      },
      submit: (document) => call<Reply>(document, endMs),
      submitCancellable(document) {
        const options = endMs === undefined ? {} : new LimitedCall(endMs, document.index);
        const asked = exec(document, options);
        return {
          reply: stall.guard<Reply>(asked),
          hasBegun: () => workerWith(options, busy())?.worker?.ready === true,
          abort() {
            workerWith(options, busy())?.requestQueue.splice(0); // it would begin with it
            asked.cancel(); // the library then ends the worker, too
          },
        };
      },
      async ask(request) {
        questions++;
        try {
          return await call<Answer>(request, askMs);
        } finally {
          questions--;
        }
      },
      replaced: retirement,
      async end() {
        watch?.close();
        await terminate(pool);
        await watched.close();
      },
      explain: (cause) => (cause instanceof workerpool.TerminateError ? watched.latestEnd : cause),
      restored: (reply) => watched.restored(reply),
      returned: (cause, document) => (isUnsent(cause) || isBesideCancelled(cause) ? document : null),
      exceeded: (cause) => cause instanceof workerpool.Promise.TimeoutError,
    },
    { timeoutMs, again, callerEnd },
  );
}

/**
 * Tells whether workerpool (10.0.3) rejected a call that no worker had got: it waited in a pool that was
 * given up, or its worker had just ended.
 */
function isUnsent(cause: unknown): boolean {
  return cause instanceof Error && ['Pool terminated', 'Worker is terminated'].includes(cause.message);
}

/** Tells whether workerpool (10.0.3) has ended the worker because another call of it was cancelled. */
function isBesideCancelled(cause: unknown): boolean {
  return cause instanceof Error && cause.message === 'Worker terminated';
}

/**
 * workerpool appends the caller's own heap limit to the flags of a worker, and the last such flag counts:
 * this list keeps ours at the end.
 */
function endingWith(last: string, flags: readonly string[]): string[] {
  const list = [...flags, last];
  list.concat = (...added: unknown[]) => [...flags, ...(added.flat() as string[]), last];
  return list;
}

/**
 * The pool's child processes that have been seen so far. None of them outlives this process, and none exceeds
 * its share of the memory.
 */
class WatchedProcesses {
  readonly #reaper = new Reaper();
  readonly #memory: MemoryWatch;
  readonly #stopped: StopWatch | null;
  readonly #alive = new Map<number, () => void>();
  readonly #exits = new Set<Promise<unknown>>();
  /** Finds the file with large results by its worker's name. */
  readonly #resultFiles = new Map<string, ResultFile>();

  readonly #callerEnd: CallerEnd;
  readonly #hidden: HiddenEnds | undefined;

  /**
   * How the process ended that was the last one; null while none has. It is certain which document has ended
   * it where there is one worker, as in second attempts.
   */
  latestEnd: Promise<WorkerEnded | null> = Promise.resolve(null);

  constructor({
    memory,
    timeoutMs,
    callerEnd,
    hidden,
  }: {
    memory: MemoryWatch;
    timeoutMs: number | undefined;
    callerEnd: CallerEnd;
    hidden: HiddenEnds | undefined;
  }) {
    this.#callerEnd = callerEnd;
    this.#hidden = hidden;
    this.#memory = memory;
    this.#stopped = timeoutMs === undefined ? null : new StopWatch(timeoutMs);
  }

  /** @param near is called once for a worker that is near a limit of its memory */
  see(pool: Pool, near: (child: ChildProcess) => void): void {
    for (const { worker, processing } of workersOf(pool)) {
      const pid = worker?.pid;
      if (worker === null || pid === undefined || this.#alive.has(pid) || worker.exitCode !== null) continue;
      this.#reaper.add(pid);
      connectChild(this.#callerEnd, worker);
      worker.on('message', (message: 'ready' | Partial<NearLimit | Touched | FileOffer> | null) => {
        if (message === 'ready') this.#memory.loaded(pid, () => near(worker));
        else if (message?.kind === 'near-limit') near(worker);
        else if (message?.kind === 'touched') {
          for (const call of Object.values(processing))
            if (call?.options instanceof LimitedCall && call.options.index === message.index)
              call.options.touch();
        } else if (message?.kind === 'result file') this.#offered(pid, message as FileOffer);
      });
      for (const output of [worker.stdout, worker.stderr])
        output?.on('data', (text) => process.stderr.write(text));
      const end = () => worker.kill('SIGKILL');
      this.#alive.set(pid, end);
      this.#memory.add(pid, end);
      let lastWords: TaskError | null = null;
      worker.on('message', (message: Partial<LastWords> | null) => {
        if (message?.kind === 'last words') lastWords = message.error ?? null;
        else if (typeof message !== 'string') lastWords = null; // it has survived them
      });
      this.#stopped?.add(pid, end);
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      this.#exits.add(exit);
      void exit.then(() => this.#exits.delete(exit));
      // Before the library hears of the end, and rejects the calls that the process had.
      worker.prependOnceListener('exit', (code, signal) => {
        const ended = this.#memory.explain(pid, processEnd(code, signal));
        const isRead = new Promise((resolve) => worker.once('disconnect', resolve));
        const isIdle = Object.keys(processing).length === 0;
        this.latestEnd = within(worker.connected ? readMs : 0, isRead).then(() => {
          const end = withLastWords(ended, lastWords);
          if (isIdle && end.reason !== null) this.#hidden?.report(end);
          return end;
        });
        killGroup(pid); // processes that the task has started
        this.#alive.delete(pid);
        this.#resultFiles.get(processWorker(pid))?.close();
        this.#resultFiles.delete(processWorker(pid));
        this.#stopped?.remove(pid);
        this.#reaper.remove(pid);
        this.#memory.remove(pid);
      });
    }
  }

  /** @throws Error when a part cannot be read: the document's worker has ended meanwhile */
  restored(reply: Reply): Reply {
    const file = this.#resultFiles.get(reply.worker);
    if (reply.status !== 'ok' || reply.filed === undefined) return reply;
    if (file === undefined) throw new Error(`expected the file of ${reply.worker}, which has ended`);
    return { ...reply, value: file.restored(reply.value, reply.filed) };
  }

  #offered(pid: number, offer: FileOffer): void {
    const file = new ResultFile(pid);
    this.#resultFiles.set(processWorker(pid), file);
    file.offered(offer);
  }

  kill(pool: Pool): void {
    for (const { worker } of workersOf(pool)) worker?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.#memory.close();
    this.#stopped?.close();
    for (const end of this.#alive.values()) end(); // the pool may have lost track of some
    await within(graceMs, this.#allExited());
    await this.#reaper.close();
  }

  /** A process may be added while others are waited for. */
  async #allExited(): Promise<void> {
    while (this.#exits.size > 0) await Promise.all(this.#exits);
  }
}
