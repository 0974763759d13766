import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { measuredRunId } from '../../services/task-services.js';
import { PushedSource } from '../../strategies/session/pushed-source.js';
import type { Outcome, Session, Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import type { Workload } from '../../workloads/workload.js';
import { type Counters, TreeCounters } from '../measure/counters.js';
import { answerRequests, notify } from '../trials/answer.js';
import { readTruth, type Truth } from '../trials/corpus-file.js';
import { outcomeDigest } from '../trials/digest.js';
import { copyOf, type Supplied, supplyOf } from '../trials/supply.js';
import type { TrialNotice, TrialRequest } from '../trials/trial-host.js';
import { warmUp } from '../trials/warm-up.js';
import { Arrivals, type Arrived } from './arrivals.js';
import { decodeMessages } from './generator-protocol.js';
import { type ScheduleOptions, scheduleOf } from './schedule.js';

/**
 * The process that measures one open-loop trial; it is the root of the measured tree. The documents lie in
 * its memory, as requests lie in the memory of a server that has received them. A generator outside the tree
 * says through a named pipe how many of them are due.
 */
export interface ArrivalRequest extends Omit<TrialRequest, 'timeMs' | 'round' | 'unique'> {
  readonly pipe: string;
  readonly schedule: ScheduleOptions;
  /** A document is refused while this many others have no outcome; null: none is refused. */
  readonly accept: number | null;
}

export interface ArrivalRecord extends Arrived {
  readonly startMs: number;
  readonly startupMs: number;
  readonly ok: number;
  readonly failed: number;
  /** The first outcome that differed from the expected one; null if none did. */
  readonly difference: string | null;
  readonly counters: Counters;
}

/** At most this many bytes of results are kept for the check after the run. */
const maxKeptBytes = 2e6;
/**
 * A trial ends when its schedule and this much more are over, as a share of the schedule and at least these
 * ms. A strategy with a tenth of the demanded rate would otherwise be measured for ten times as long.
 */
const grace = { share: 0.25, ms: 2_000 };

answerRequests(async (request: ArrivalRequest): Promise<ArrivalRecord> => {
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  const truth = readTruth(request.corpus);
  const supply = supplyOf(request.corpus, { ...request, truth });
  if (supply.callerReads)
    throw new Error('expected documents in memory, or the delivery `reference`, for rates of arrivals');
  const workload = await loadWorkload(request.workload);
  const openedMs = now();
  const session = await strategy.open(request.workload, { ...request, runId: measuredRunId });
  const startupMs = now() - openedMs;
  try {
    await warmUp(session, supply, request);
    const counters = new TreeCounters(session);
    const { processes } = await session.members();
    await notify<TrialNotice>({ window: 'open', pids: [process.pid, ...processes.map(({ pid }) => pid)] });
    await counters.open();
    const { documents, fresh } = supply;
    const copies = fresh(documents) !== documents;
    const found = await openLoop(session, { request, documents, truth, workload, copies });
    await counters.close();
    await notify<TrialNotice>({ window: 'closed' });
    return { ...found, startupMs, counters: counters.total };
  } finally {
    await session.close();
  }
});

interface Loop {
  readonly request: ArrivalRequest;
  readonly documents: readonly Supplied[];
  readonly truth: Truth;
  readonly workload: Workload;
  /** The delivery takes the bytes, so that every document needs a copy. */
  readonly copies: boolean;
}

async function openLoop(
  session: Session,
  { request, documents, truth, workload, copies }: Loop,
): Promise<Omit<ArrivalRecord, 'startupMs' | 'counters'>> {
  const schedule = scheduleOf(request.schedule);
  const kept: Outcome[] = [];
  const stride = Math.max(1, Math.ceil(((truth.resultBytes ?? 0) * schedule.length) / maxKeptBytes));
  let arrivals: Arrivals | null = null;
  let [ok, failed] = [0, 0];
  // Reading and writing: a pipe without a writer would be at its end at once.
  const pipe = new Socket({
    fd: openSync(request.pipe, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  const source = new PushedSource<Supplied>({ give: () => (arrivals === null ? null : arrivals.give()) });
  let ending: NodeJS.Timeout | undefined;
  let rest: Buffer = Buffer.alloc(0);
  const started = new Promise<number>((resolve) => {
    pipe.on('data', (bytes) => {
      rest = decodeMessages(Buffer.concat([rest, bytes]), (atMs, count) => {
        if (arrivals === null) {
          const fresh = (document: Supplied) => (copies ? copyOf(document) : document);
          arrivals = new Arrivals({ documents, fresh, schedule, startMs: atMs, accept: request.accept });
          resolve(atMs);
          const spanMs = schedule.at(-1) ?? 0;
          const patienceMs = atMs - now() + spanMs + Math.max(grace.ms, grace.share * spanMs);
          ending = setTimeout(() => {
            arrivals?.stop(now());
            source.offer();
          }, patienceMs);
        } else arrivals.arrive(count, atMs);
      });
      source.offer();
    });
  });
  try {
    await session.run(source, (outcome) => {
      const isOk = outcome.status === 'ok';
      (arrivals as Arrivals).settle(outcome.index, { atMs: now(), ok: isOk });
      if (isOk) ok++;
      else failed++;
      if (outcome.index % stride === 0) kept.push(outcome);
    });
  } finally {
    clearTimeout(ending);
    pipe.destroy();
  }
  const done = arrivals as unknown as Arrivals;
  const wrong = kept.find(
    (outcome) => outcomeDigest(outcome, workload) !== truth.digests[done.placeInCorpus(outcome.index)],
  );
  return {
    ...done.arrived,
    startMs: await started,
    ok,
    failed,
    difference:
      wrong === undefined
        ? null
        : `the result of document "${wrong.id}" is not what sequential returned; a task whose result ` +
          'depends on `index` cannot be measured here, because the index counts arrivals',
  };
}
