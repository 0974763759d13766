import pMap from 'p-map';
import { Piscina } from 'piscina';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { heapLimitMb, warnOfOverridingFlag } from '../processes/limits.js';
import { crashed, outcome, type Reply, timedOut } from '../session/outcome.js';
import { owned } from '../session/owned.js';
import { SecondAttempt } from '../session/second-attempt.js';
import { guarded } from '../session/session.js';
import type { OpenOptions, Outcome, Strategy, Unguarded } from '../strategy.js';
import { now } from '../worker/clock.js';
import { submitted } from './in-flight.js';
import { endOf } from './piscina-end.js';
import { rollCall } from './roll-call.js';
import { StartBoard } from './start-board.js';
import type { Answer, Request, ThreadPoolData } from './worker/thread-pool.js';

export default {
  name: 'thread-pool',
  about: 'worker threads and a central queue, one document a message (piscina)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: 2,
  workerModule: new URL('./worker/thread-pool-file.cjs', import.meta.url).href,
  deliveries: ['clone', 'transfer'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16], // one is piscina's default, and how people run it
  async open(workload, options) {
    warnOfOverridingFlag();
    const again = new SecondAttempt(() => openPool(workload, { ...options, workers: 1, inFlight: 1 }, null));
    return guarded(await openPool(workload, options, again));
  },
} satisfies Strategy;

/** In so many rounds every worker that is there has been reached. */
const goodbyeRounds = 20;

/** @param again what to do with a document whose worker has ended; null: it has crashed */
async function openPool(
  workload: WorkloadRef,
  options: OpenOptions,
  again: SecondAttempt | null,
): Promise<Unguarded> {
  const { workers, delivery, inFlight = 1, timeoutMs, heapMb = heapLimitMb(workers) } = options;
  const concurrency = workers * submitted(inFlight);
  const board = timeoutMs === undefined ? null : new StartBoard(concurrency, timeoutMs);
  const pool = new Piscina({
    filename: new URL('./worker/thread-pool-file.cjs', import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: inFlight,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
    workerData: { workload, starts: board?.memory ?? null } satisfies ThreadPoolData,
  });
  const end = endOf(pool);
  const ask = (request: Request): Promise<Answer> => pool.run(request);
  const submit = (document: Document): Promise<Reply> => {
    if (delivery === 'clone') return pool.run(document);
    const own = owned(document);
    return pool.run(own, { transferList: [own.bytes.buffer] });
  };
  /** With a time limit: the worker notes on the board when it begins, and a task that is over it ends its worker. */
  const submitWatched = async (document: Document, board: StartBoard): Promise<Reply | 'timed-out'> => {
    const own = delivery === 'clone' ? document : owned(document);
    const { place, signal } = board.enter();
    try {
      const transferList = delivery === 'clone' ? [] : [own.bytes.buffer as ArrayBuffer];
      return await pool.run({ place, document: own }, { transferList, signal });
    } catch (cause) {
      if (signal.aborted) return 'timed-out';
      throw cause;
    } finally {
      board.leave(place);
    }
  };
  let killed = false;
  let ended: Promise<void> = Promise.resolve();
  const outcomeOf = async (document: Document): Promise<Outcome> => {
    const pulledMs = now();
    if (killed) return crashed(document, new Error('the session was ended'));
    const storm = again?.storm ?? null;
    if (storm !== null) return crashed(document, storm);
    try {
      const reply = board === null ? await submit(document) : await submitWatched(document, board);
      again?.progress();
      return reply === 'timed-out'
        ? timedOut(document, timeoutMs as number)
        : outcome(document, pulledMs, reply);
    } catch (cause) {
      return again === null ? crashed(document, cause) : again.of(document, cause);
    }
  };
  // A worker that cannot load its workload is told by this event alone; later, a task in its hands is told as well.
  const failure = new Promise<never>((_, reject) => pool.on('error', reject));
  try {
    await Promise.race([failure, rollCall(workers, () => ask('report'))]);
  } catch (error) {
    board?.close();
    await end();
    throw error;
  }
  return {
    async run(documents, emit) {
      again?.progress();
      await pMap(documents, async (document) => emit(await outcomeOf(document)), { concurrency });
    },
    async members() {
      return {
        processes: [],
        engines: (await rollCall(workers, () => ask('report'))).map(({ engine }) => engine),
      };
    },
    async close() {
      board?.close();
      if (killed) return ended;
      await rollCall(workers, () => ask('goodbye'), goodbyeRounds).catch(() => {}); // who has ended by now has no goodbye to say
      await end();
    },
    kill() {
      killed = true;
      again?.stop();
      ended = end();
    },
  };
}
