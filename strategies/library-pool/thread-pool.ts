import { Piscina } from 'piscina';
import { withMemory } from '../../services/cache/cache-facts.js';
import { taskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { threadEnd, threadHeapLimit, warnOfOverridingFlag } from '../processes/limits.js';
import { maxRuns } from '../session/attempts.js';
import { abortGraceMs, type Reply } from '../session/outcome.js';
import { copied, owned } from '../session/owned.js';
import type { CarriedDocument } from '../session/reference.js';
import { SecondAttempt } from '../session/second-attempt.js';
import { checkedPerWorker, guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import type { ChannelPort } from '../session/side-channel-protocol.js';
import { WorkerEnded } from '../session/task-error.js';
import type { OpenOptions, Strategy } from '../strategy.js';
import { submitted } from './in-flight.js';
import { endOf } from './piscina-end.js';
import { type PoolParts, poolSession } from './pool-session.js';
import { type Place, StartBoard } from './start-board.js';
import { ThreadRetirement } from './thread-retirement.js';
import { Turns } from './turns.js';
import type { ThreadPoolData } from './worker/thread-pool.js';

const file = new URL('./worker/thread-pool-file.cjs', import.meta.url).href;

export default {
  name: 'thread-pool',
  about: 'worker threads and a central queue, one document a message (piscina)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: maxRuns.reportedAlone,
  retires: true,
  workerModule: file,
  deliveries: ['clone', 'transfer', 'reference'],
  travelsInFile: [],
  scales: true,
  inFlight: [1, 4, 16], // piscina's default is one, and most people run it so
  perWorker: true,
  async open(workload, given) {
    const options = withMemory(given);
    warnOfOverridingFlag();
    const parts = { callerEnd: new CallerEnd(options.channel, options), services: taskServices(options) };
    const alone = { ...options, workers: 1, inFlight: 1, perWorker: 1 };
    const again = new SecondAttempt(() => open(workload, alone, { ...parts, again: null }));
    const session = await open(workload, options, { ...parts, again });
    return guarded({ ...session, takesReferences: options.delivery === 'reference' });
  },
} satisfies Strategy;

/**
 * A document of this size is copied when a worker is free for it, and the copy is transferred. A message that
 * clones it would hold a second copy.
 */
const largeBytes = 2 ** 20;

/** Marks a document that exceeded the time limit, among the reasons why piscina rejects. */
const overTime = new Error('the task has run too long');

/** Likewise, when others were running in its thread, which may be to blame. */
const besideOthers = new Error('the thread was ended because one of several tasks has run too long');

/** The board of starts has room for documents of at least this `perWorker`, for later changes. */
const maxPerWorkerLater = 256;

/**
 * Tells whether piscina (5.x) has ended the thread because another document was aborted, which had it too. A
 * document whose bytes were transferred has lost them.
 */
function isBesideAborted(cause: unknown, { bytes, size }: CarriedDocument): boolean {
  const isEnded = cause instanceof Error && cause.message === 'Terminating worker thread';
  return isEnded && (bytes.length > 0 || size === 0);
}

async function open(workload: WorkloadRef, options: OpenOptions, { callerEnd, services, again }: PoolParts) {
  const { workers, delivery, inFlight = 1, perWorker = 1, timeoutMs, heapMb } = options;
  const heap = threadHeapLimit(workers, heapMb);
  const sent = (perWorker: number) => Math.max(inFlight, checkedPerWorker(perWorker));
  const places = workers * submitted(Math.max(sent(perWorker), maxPerWorkerLater));
  const limitMs = timeoutMs === undefined ? undefined : timeoutMs + abortGraceMs;
  const board = new StartBoard(places, perWorker, limitMs);
  const retirement = new ThreadRetirement(inFlight);
  retirement.send(sent(perWorker), perWorker > 1);
  let concurrency = workers * submitted(sent(perWorker));
  const pool = new Piscina({
    filename: file,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: sent(perWorker),
    loadBalancer: retirement.balance,
    stricterFIFO: true,
    resourceLimits: { maxOldGenerationSizeMb: heap.mb },
    workerData: {
      workload,
      services,
      timeoutMs,
      starts: board.memory,
      transfers: delivery === 'transfer',
    } satisfies ThreadPoolData,
  });
  retirement.watch(pool);
  const end = endOf(pool);
  // A task may send messages of its own to `parentPort`; they are ignored.
  pool.on('message', (message: ChannelPort | null) => {
    if (message?.kind === 'channel') callerEnd.connectPort(message.worker, message.port);
  });
  let ended = false;
  // piscina keeps the order of documents that may not be aborted (`stricterFIFO`). Of documents that may be
  // aborted, it begins the newest first. So these wait for their turns here, with all that come after them,
  // and piscina never gets more than it can begin. Such a document needs a whole thread where a thread runs
  // one document at a time.
  let shared = perWorker > 1;
  const turns = new Turns(workers * sent(perWorker));
  let perThread = sent(perWorker);
  /** Hands a document to the pool, with its place on the board if it is watched. */
  const post = (document: CarriedDocument, moved: ArrayBuffer | null, watched?: Place): Promise<Reply> => {
    if (moved === null && watched === undefined) return pool.run(document);
    const transferList = moved === null ? [] : [moved];
    return watched === undefined
      ? pool.run(document, { transferList })
      : pool.run({ place: watched.place, document }, { transferList, signal: watched.signal });
  };
  const begin = (own: CarriedDocument, watched?: Place): Promise<Reply> => {
    if (ended) throw new Error('the session was ended'); // piscina would start a worker for it
    if (delivery === 'transfer') return post(own, own.bytes.buffer as ArrayBuffer, watched);
    if (own.bytes.length < largeBytes) return post(own, null, watched);
    const copy = copied(own);
    return post(copy, copy.bytes.buffer, watched);
  };
  /** Submits a document in its turn. */
  const submit = (document: CarriedDocument, watched?: Place): Promise<Reply> => {
    const own = delivery === 'transfer' ? owned(document) : document;
    const isCopiedInItsTurn = delivery !== 'transfer' && own.bytes.length >= largeBytes;
    if (watched === undefined && turns.isIdle && !isCopiedInItsTurn) return begin(own);
    return turns.run(
      () => begin(own, watched),
      watched === undefined || shared ? 1 : inFlight,
      watched?.signal,
    );
  };
  /**
   * Submits a document that may be aborted: the worker notes on the board when its task begins. Aborting a
   * task that has begun ends its worker, and piscina gives that worker no other task beside it.
   */
  const submitWatched = async (document: CarriedDocument, watched: Place): Promise<Reply> => {
    try {
      return await submit(document, watched);
    } catch (cause) {
      if (watched.signal.isBeside) throw besideOthers;
      throw watched.signal.aborted ? overTime : cause;
    } finally {
      board.leave(watched.place);
    }
  };
  const session = await poolSession(
    {
      workers,
      isolation: 'thread',
      get concurrency() {
        return concurrency;
      },
      setPerWorker(perWorker) {
        board.setPerWorker(perWorker);
        retirement.send(sent(perWorker), perWorker > 1);
        concurrency = Math.min(places, workers * submitted(sent(perWorker)));
        shared = perWorker > 1;
        turns.add(workers * (sent(perWorker) - perThread));
        perThread = sent(perWorker);
      },
      submit:
        timeoutMs === undefined
          ? (document) => submit(document)
          : (document) => submitWatched(document, board.enter()),
      submitCancellable(document) {
        const entered = board.enter();
        return {
          reply: submitWatched(document, entered),
          hasBegun: () => board.hasBegun(entered.place),
          abort: () => entered.signal.abort(),
        };
      },
      ask: (request) => pool.run(request),
      end() {
        ended = true;
        board.close();
        return end();
      },
      explain: (cause) => exitOf(threadEnd(cause, heap)),
      replaced: retirement,
      returned: (cause, document) =>
        isBesideAborted(cause, document) ? document : retirement.returned(cause, document),
      exceeded: (cause) => cause === overTime,
      // piscina reports a worker that cannot load its workload by this event only. Later, the worker's task
      // rejects, too.
      loadFailure: new Promise<never>((_, reject) =>
        pool.on('error', (cause) => reject(exitOf(threadEnd(cause, heap)))),
      ),
    },
    { timeoutMs, again, callerEnd },
  );
  // piscina reports a worker that ended without a document by this event only. When the pool is ended, it
  // also reports an answer that comes too late.
  pool.on('error', (cause) => ended || again?.hidden.report(threadEnd(cause, heap)));
  return session;
}

/** Returns our own error of a thread that has exited. piscina (5.x) has no class for it. */
function exitOf(cause: unknown): unknown {
  const [, code] = (cause instanceof Error && /^worker exited with code: (\d+)$/.exec(cause.message)) || [];
  if (code === undefined) return cause;
  return new WorkerEnded(`worker thread ended with exit code ${code}`, { exitCode: Number(code) });
}
