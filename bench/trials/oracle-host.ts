import type { Strategy } from '../../strategies/strategy.js';
import { type Document, type Kind, loadWorkload, type WorkloadRef } from '../../workloads/workload.js';
import { kindOf, WaitingMeter, waitingShare } from '../measure/waiting.js';
import { answerRequests } from './answer.js';
import { type CorpusFile, readCorpus } from './corpus-file.js';
import { outcomeDigest, serializedBytes } from './digest.js';

/**
 * The oracle: loads a workload outside the runner, says what kind it is, and runs it once over a corpus with the
 * baseline strategy. Its digests are what every trial's results must equal; of a task that does not say its kind it tells the measured one.
 */
export type OracleRequest =
  | { readonly kind: 'inspect'; readonly workload: WorkloadRef }
  | {
      readonly kind: 'run';
      readonly workload: WorkloadRef;
      readonly strategy: string;
      readonly corpus: CorpusFile;
      /** Indices of the documents to run, in this order; absent: all. */
      readonly indices?: readonly number[];
      /** After this long no further document is begun; absent: all documents run. */
      readonly timeMs?: number;
    };

export interface Oracle {
  /** Of every document's outcome, in corpus order. */
  readonly digests: readonly string[];
  /** Time inside the task, all documents together. */
  readonly taskMs: number;
  /** Time inside the task, of each document that was run, in order. */
  readonly costsMs: readonly number[];
  /** CPU time of the whole process while documents were in the task's hands. */
  readonly cpuMs: number;
  /** Time in which the thread that ran them was busy with them. */
  readonly loopMs: number;
  /** Share of the time in which the task waited, from 0 to 1, and what kind that makes it. */
  readonly waiting: number;
  readonly kind: Kind;
  /** Of all results, as they cross a process boundary; null where one of them cannot be measured so. */
  readonly resultBytes: number | null;
  readonly failed: number;
  /** The first failure: which document, and what it said. */
  readonly failure: string | null;
}

answerRequests(async (request: OracleRequest): Promise<Kind | null | Oracle> => {
  const workload = await loadWorkload(request.workload);
  if (request.kind === 'inspect') return workload.kind ?? null;
  const { default: baseline } = (await import(request.strategy)) as { default: Strategy };
  const session = await baseline.open(request.workload, { workers: 1, delivery: 'none' });
  const meter = new WaitingMeter();
  const digests: string[] = [];
  const failures: string[] = [];
  const costsMs: number[] = [];
  let resultBytes: number | null = 0;
  // The baseline has one document in hand at a time: what is done with its result here is outside what is measured, and the result is gone then.
  await session.run(metered(documentsOf(request), { meter, timeMs: request.timeMs }), (outcome) => {
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
    failed: failures.length,
    failure: failures[0] ?? null,
  };
});

function documentsOf({ corpus, indices }: Extract<OracleRequest, { kind: 'run' }>): Document[] {
  const documents = readCorpus(corpus);
  return indices === undefined
    ? documents
    : indices.map((from, index) => ({ ...(documents[from] as Document), index }));
}

function* metered(
  documents: Iterable<Document>,
  { meter, timeMs = Number.POSITIVE_INFINITY }: { meter: WaitingMeter; timeMs: number | undefined },
): Generator<Document> {
  const untilMs = performance.now() + timeMs;
  for (const document of documents) {
    if (performance.now() > untilMs) return;
    meter.begin();
    yield document;
  }
}
