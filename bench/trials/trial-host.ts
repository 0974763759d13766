import { Bench } from 'tinybench';
import { measuredRunId } from '../../services/task-services.js';
import { type OwnRedis, startRedis } from '../../strategies/broker/own-redis.js';
import type {
  BrokerOptions,
  Configuration,
  Delivery,
  ServiceLimit,
  ServiceRefusals,
  Session,
  Strategy,
  Transport,
} from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import type { ServiceLog } from '../../workloads/services/service.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { type Counters, TreeCounters } from '../measure/counters.js';
import { Passes, type PassRecord, type Run } from '../measure/passes.js';
import { StageCounters, type StageRecord } from '../measure/stage-counters.js';
import { answerRequests, notify } from './answer.js';
import { type CorpusFile, readTruth } from './corpus-file.js';
import { supplyOf } from './supply.js';
import { type WarmedUp, type Warmup, warmUp } from './warm-up.js';

/** Asks a fresh process to measure one trial. That process is the root of the measured process tree. */
export interface TrialRequest extends Warmup {
  /** This is the module of the strategy, as a URL. The process loads no other strategy. */
  readonly strategy: string;
  readonly workload: WorkloadRef;
  readonly corpus: CorpusFile;
  readonly workers: number;
  readonly delivery: Delivery;
  /** How the workers are split. Absent: the strategy takes one number, or decides itself. */
  readonly configuration?: Configuration;
  /** A worker runs this many documents at the same time. Absent: one. */
  readonly perWorker?: number;
  readonly timeMs: number;
  /** No more passes are timed than these. Absent: as many as the time takes. */
  readonly maxPasses?: number;
  /** Number of documents to run, from the start of the corpus; absent: all. */
  readonly documents?: number;
  /** Number of different documents in the corpus. The documents after them repeat the first ones. */
  readonly unique: number;
  /** Number of the round. In the first round all results are checked, however large they are. */
  readonly round: number;
  /** Memory limits of each worker, MB. If one is absent, the strategy's own limit applies. */
  readonly heapMb?: number;
  readonly memoryMb?: number;
  /** A strategy between machines connects to this broker. Absent: it starts one of its own. */
  readonly broker?: BrokerOptions;
  /**
   * The broker is a Redis that this process starts in this folder, so that clients reach it through a proxy.
   * Absent: this process starts none.
   */
  readonly brokerFolder?: string;
  /** The service of the task accepts this much. Absent: it has no limits. */
  readonly limits?: readonly ServiceLimit[];
}

export interface TrialRecord extends PassRecord {
  readonly startupMs: number;
  readonly warmedUp: WarmedUp;
  readonly transport: Transport | null;
  readonly counters: Counters;
  /** What each stage did, where stages have workers of their own; else empty. */
  readonly stages: readonly StageRecord[];
  /** What arrived at a service with limits in the timed passes; null where there is none. */
  readonly service: (Omit<ServiceLog, 'arrivals'> & { readonly requests: number }) | null;
  /** What services have refused in the timed passes, as the task has reported it; null: nothing. */
  readonly refused: ServiceRefusals | null;
}

/**
 * Sent when the timed window begins, with the ids of the tree's processes, and when its last pass has ended.
 */
export type TrialNotice =
  | { readonly window: 'open'; readonly pids: readonly number[] }
  | { readonly window: 'closed' };

answerRequests(async (request: TrialRequest): Promise<TrialRecord> => {
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  const truth = readTruth(request.corpus);
  const supply = supplyOf(request.corpus, { ...request, truth });
  const openedMs = now();
  const { brokerFolder } = request;
  const redis = brokerFolder === undefined ? null : await startRedis({ folder: brokerFolder });
  const session = charged(await strategy.open(request.workload, { ...request, runId: measuredRunId }), redis);
  const startupMs = now() - openedMs;
  try {
    const { workers, perWorker = 1, round, unique } = request;
    const warmedUp = await warmUp(session, supply, request);
    const { digests: expected, resultBytes } = truth;
    const workload = await loadWorkload(request.workload);
    const passes = new Passes({
      supply,
      workload,
      expected,
      resultBytes,
      workers,
      perWorker,
      round,
      unique,
    });
    const run: Run = async (documents, handlers) => {
      await supply.run(session, documents, handlers);
      return session.runMs;
    };
    const takeLog = () => (request.limits === undefined ? null : serviceLog(request.workload));
    const refusedBefore = session.refusals;
    await takeLog(); // what came before counts no longer
    const { counters, stages } = await timePasses(session, { ...request, passes, run });
    const service = await takeLog();
    const refused = refusedSince(session, refusedBefore);
    if (round === 1) await passes.verifyAll(run);
    return {
      service,
      refused,
      startupMs,
      warmedUp,
      transport: session.transport ?? null,
      counters,
      stages,
      ...passes.record,
    };
  } finally {
    await session.close();
    await redis?.close();
  }
});

/** What services have refused since then; null where they have refused nothing. */
function refusedSince(
  { refusals }: Pick<Session, 'refusals'>,
  before: ServiceRefusals | undefined,
): ServiceRefusals | null {
  const requests = (refusals?.requests ?? 0) - (before?.requests ?? 0);
  if (refusals === undefined || requests === 0) return null;
  return { requests, closedMs: refusals.closedMs - (before?.closedMs ?? 0), limits: refusals.limits };
}

/** Takes the log of the task's service, which begins a new one. */
async function serviceLog({ options }: WorkloadRef): Promise<TrialRecord['service']> {
  if (options.repeatable !== true) return null; // a real server has none
  const response = await fetch(new URL('/log', options.service as string), { method: 'POST' });
  const { arrivals, refusals, violations } = (await response.json()) as ServiceLog;
  return { requests: arrivals.length, refusals, violations };
}

/** A broker that this process has started is charged to the session. */
function charged(session: Session, redis: OwnRedis | null): Session {
  if (redis === null) return session;
  const members = session.members.bind(session);
  return Object.assign(session, {
    async members() {
      const found = await members();
      return { ...found, processes: [...found.processes, await redis.usage()] };
    },
  } satisfies Partial<Session>);
}

/** Runs passes over the whole corpus until `timeMs` or `maxPasses` of them were timed; at least one. */
async function timePasses(
  session: Session,
  {
    passes,
    run,
    timeMs,
    maxPasses = Number.POSITIVE_INFINITY,
  }: Pick<TrialRequest, 'timeMs' | 'maxPasses'> & { readonly passes: Passes; readonly run: Run },
): Promise<Pick<TrialRecord, 'counters' | 'stages'>> {
  const counters = new TreeCounters(session);
  const stages = new StageCounters(session);
  // tinybench discards all samples of a function or hook that throws. So nothing throws into it: the first
  // failure stops it and is thrown afterwards.
  const stop = new AbortController();
  const enough = new AbortController();
  const signal = AbortSignal.any([stop.signal, enough.signal]);
  let timed = 0;
  const guard = (step: () => Promise<void>) => async () => {
    if (!stop.signal.aborted) await step().catch((cause: unknown) => stop.abort(cause));
  };
  // `time` and `iterations` are both minimums. Without `async`, `add` itself would call the function once.
  const bench = new Bench({ time: timeMs, iterations: 1, warmup: false, throws: true, signal });
  bench.add(
    'pass',
    guard(() => passes.time(run)),
    {
      async: true,
      beforeEach: guard(async () => {
        passes.prepare();
        stages.open();
        await counters.open();
      }),
      afterEach: guard(async () => {
        await counters.close();
        stages.close();
        passes.verify();
        if (++timed >= maxPasses) enough.abort();
      }),
    },
  );
  const { processes } = await session.members();
  const pids = [process.pid, ...processes.map(({ pid }) => pid)];
  await notify<TrialNotice>({ window: 'open', pids });
  await bench.run().catch((cause: unknown) => stop.abort(cause));
  await notify<TrialNotice>({ window: 'closed' });
  stop.signal.throwIfAborted();
  return { counters: counters.total, stages: stages.total };
}
