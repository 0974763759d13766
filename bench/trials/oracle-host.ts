import { readFileSync } from 'node:fs';
import { measuredRunId } from '../../services/task-services.js';
import type { Session, Strategy } from '../../strategies/strategy.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import type { Document, Kind, WorkloadRef } from '../../workloads/workload.js';
import { kindOf, WaitingMeter, waitingShare } from '../measure/waiting.js';
import { answerRequests } from './answer.js';
import { type CorpusFile, readCorpus, readNames } from './corpus-file.js';
import { outcomeDigest, serializedBytes } from './digest.js';
import { type InFlightFound, inFlightCost } from './in-flight-cost.js';
import { defaultDelivery } from './plan.js';
import type { StageCost } from './splits.js';
import { runStages } from './stage-costs.js';
import type { Supplied } from './supply.js';

/**
 * The oracle loads a workload outside the runner, returns its kind, and runs it once over a corpus with the
 * baseline strategy. The results of every trial must have the oracle's digests. If a task does not declare
 * its kind, the run returns the measured one.
 */
export type OracleRequest =
  | { readonly kind: 'inspect'; readonly workload: WorkloadRef }
  | {
      readonly kind: 'stages';
      readonly workload: WorkloadRef;
      readonly corpus: CorpusFile;
      /** After this long no further document is started. */
      readonly timeMs: number;
    }
  | {
      readonly kind: 'in flight';
      readonly workload: WorkloadRef;
      /** Runs several documents at the same time on this thread. */
      readonly strategy: string;
      readonly corpus: CorpusFile;
      readonly inFlight: number;
      readonly timeMs: number;
    }
  | {
      readonly kind: 'run';
      readonly workload: WorkloadRef;
      readonly strategy: string;
      readonly corpus: CorpusFile;
      /** Indices of the documents to run, in this order; absent: all documents. */
      readonly indices?: readonly number[];
      /** After this long no further document is started; absent: all documents run. */
      readonly timeMs?: number;
    };

type RunRequest = Extract<OracleRequest, { kind: 'run' }>;

/** What a task says about itself. */
export interface Inspected {
  /** Null where it must be measured. */
  readonly kind: Kind | null;
  /** Names of its stages; null where it is one function. */
  readonly stages: readonly string[] | null;
}

export interface Oracle {
  /** Digest of every document's outcome, in corpus order. It has one entry per document. */
  readonly digests: readonly string[];
  /** Time spent inside the task, all documents together. */
  readonly taskMs: number;
  /** Time that each document spent inside the task, in the order in which they ran. */
  readonly costsMs: readonly number[];
  /** CPU time that the whole process used while a document was running. */
  readonly cpuMs: number;
  /** Time in which the thread that runs the documents was busy with them. */
  readonly loopMs: number;
  /** Share of the time in which the task waited, from 0 to 1. It decides the `kind`. */
  readonly waiting: number;
  readonly kind: Kind;
  /** Bytes of all results when they cross a process boundary; null if one of them cannot be serialized. */
  readonly resultBytes: number | null;
  /** The task writes into the bytes that it gets, or gives their memory away. */
  readonly changesBytes: boolean;
  readonly failed: number;
  /** The first document that failed, by its id and the message of its error; null if none failed. */
  readonly failure: string | null;
}

type Answer = Inspected | readonly StageCost[] | InFlightFound | Oracle;

answerRequests(async (request: OracleRequest): Promise<Answer> => {
  const workload = await loadWorkload(request.workload);
  if (request.kind === 'inspect')
    return { kind: workload.kind ?? null, stages: workload.stages?.map(({ name }) => name) ?? null };
  if (request.kind === 'stages') {
    const { workload: ref, corpus, timeMs } = request;
    return (await runStages(workload, { ref, documents: bytesOf(corpus), timeMs })).costs;
  }
  if (request.kind === 'in flight') {
    const session = await openSession(request, request.inFlight);
    const found = await inFlightCost(session, { ...request, documents: documentsOf(request) });
    await session.close();
    return found;
  }
  const session = await openSession(request, 1);
  const meter = new WaitingMeter();
  const digests: string[] = [];
  const failures: string[] = [];
  const costsMs: number[] = [];
  let resultBytes: number | null = 0;
  // The baseline runs one document at a time. Its result is processed here, while nothing is measured, and
  // dropped before the next document starts.
  const documents = documentsOf(request);
  await session.run(metered(documents, { meter, timeMs: request.timeMs }), (outcome) => {
    meter.end();
    costsMs.push(outcome.taskMs ?? 0);
    digests.push(outcomeDigest(outcome, workload));
    if (outcome.status !== 'ok') return void failures.push(`"${outcome.id}": ${outcome.error.message}`);
    const bytes = serializedBytes(outcome.value);
    resultBytes = resultBytes === null || bytes === null ? null : resultBytes + bytes;
  });
  await session.close();
  const waiting = waitingShare(meter.total);
  const { wallMs, idleMs, cpuMs } = meter.total;
  const loopMs = wallMs - idleMs;
  return {
    digests,
    taskMs: costsMs.reduce((sum, ms) => sum + ms, 0),
    costsMs,
    cpuMs,
    loopMs,
    waiting,
    kind: kindOf(waiting),
    resultBytes,
    changesBytes: differ(documents, documentsOf(request)),
    failed: failures.length,
    failure: failures[0] ?? null,
  };
});

async function openSession(
  { strategy, workload, corpus }: Pick<RunRequest, 'strategy' | 'workload' | 'corpus'>,
  workers: number,
): Promise<Session> {
  const { default: opened } = (await import(strategy)) as { default: Strategy };
  return opened.open(workload, {
    workers,
    runId: measuredRunId,
    delivery: defaultDelivery(opened, corpus.source),
  });
}

/** The documents of a corpus with their bytes. Files are read now, as reading is no part of a stage. */
function bytesOf(corpus: CorpusFile): Document[] {
  if (corpus.source !== 'files') return readCorpus(corpus);
  return readNames(corpus).map(({ document: { index, id, path } }) => {
    const bytes = readFileSync(typeof path === 'string' ? path : Buffer.from(path));
    return { index, id, size: bytes.length, bytes: new Uint8Array(bytes) };
  });
}

function documentsOf({ corpus, indices }: Pick<RunRequest, 'corpus' | 'indices'>): Supplied[] {
  const documents: Supplied[] =
    corpus.source === 'files' ? readNames(corpus).map(({ document }) => document) : readCorpus(corpus);
  return indices === undefined
    ? documents
    : indices.map((from, index) => ({ ...(documents[from] as Supplied), index }));
}

/** Documents that are read for each run have no bytes that the task could change. */
function differ(documents: readonly Supplied[], asRead: readonly Supplied[]): boolean {
  return documents.some((document, i) => {
    const read = asRead[i];
    if (!('bytes' in document) || read === undefined || !('bytes' in read)) return false;
    return Buffer.compare(document.bytes, read.bytes) !== 0;
  });
}

function* metered(
  documents: Iterable<Supplied>,
  { meter, timeMs = Number.POSITIVE_INFINITY }: { meter: WaitingMeter; timeMs: number | undefined },
): Generator<Supplied> {
  const untilMs = performance.now() + timeMs;
  for (const document of documents) {
    if (performance.now() > untilMs) return;
    meter.begin();
    yield document;
  }
}
