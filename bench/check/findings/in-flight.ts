import { measuredRunId } from '../../../services/task-services.js';
import type { Strategy } from '../../../strategies/strategy.js';
import { now } from '../../../strategies/worker/clock.js';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { inFlightId } from '../../../workloads/task-findings.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type CorpusFile, readCorpus } from '../../trials/corpus-file.js';
import { outcomeDigest } from '../../trials/digest.js';
import { HelperDied } from '../../trials/helper.js';
import { copyOf } from '../../trials/supply.js';
import { type Check, type Finding, fine, found, notTried, type Row } from '../finding.js';
import { inFreshProcess, type Lab } from '../lab.js';
import { calls, names, someOk } from '../words.js';

/**
 * A task that keeps something between two awaits, such as a parser, mixes up documents when several are in
 * flight on one thread, or never ends for some of them. This check runs several documents at a time, in a
 * process of their own, and compares the results with the results of one document after the other.
 */

export const inFlightRow: Row = {
  id: inFlightId,
  level: 'error',
  when: 'results change, or documents never end, with several documents in flight on one thread',
  remedy:
    'keep nothing outside the task function that a document changes and reads again after an await, ' +
    'such as a parser or a buffer; until then use strategies with workers, which run one document at a time',
};

const endsRow: Row = {
  id: inFlightId,
  level: 'error',
  when: 'the task ends its process with several documents in flight on one thread',
  remedy:
    'throw an error instead of ending the process, and await every promise: ' +
    'an unhandled rejection ends it too',
};

/** The thread has this many documents at a time. */
const atOnce = 8;
/** No more documents are tried. */
const maxDocuments = 40;
/** If there are fewer documents, they are repeated: with fewer than two rounds nothing may get mixed up. */
const minDocuments = 2 * atOnce;

/** The results that documents gave one after the other, in the order of the corpus. */
export interface Reference {
  /** Null for a document whose result is not the same every time. */
  readonly digests: readonly (string | null)[];
  readonly costsMs: readonly number[];
}

export default {
  rows: [inFlightRow, endsRow],
  async measure({ main: { passes } }, lab) {
    const [first = [], second = []] = passes;
    if (!someOk(first)) return [notTried(inFlightId)];
    const digests = first.map(({ status, digest }, i) =>
      status === second[i]?.status && digest === second[i]?.digest && status !== 'timed-out' ? digest : null,
    );
    const costsMs = second.map(({ taskMs }) => taskMs ?? 0);
    const finding = await testInFlight(lab, { digests, costsMs }, { maxMs: 2_000 });
    return finding === null ? [] : [finding];
  },
} satisfies Check;

/** A time without any answer after which documents are held to never end; a second test waits longer. */
const silencesMs = [400, 2_000] as const;
/** A fresh process has loaded the task after this long, or after 20 × the time of all documents. */
const startMs = 30_000;

/**
 * Tests whether a task may have several documents in flight on one thread.
 * @param options.maxMs no document begins later than this
 * @returns null if it cannot be said, because no document gives the same result every time
 */
export async function testInFlight(
  lab: Lab,
  reference: Reference,
  { maxMs }: { readonly maxMs: number },
): Promise<Finding | null> {
  const indices = chosen(reference, maxMs);
  if (indices.length === 0) return null;
  const [short, long] = silencesMs;
  let tried = await tryOnce(lab, reference, { indices, maxMs, silenceMs: short });
  // A pause of the machine looks like documents that never end: they are tried once more, with more patience.
  if (tried !== null && (tried.ended !== null || tried.pending.length > 0))
    tried = await tryOnce(lab, reference, { indices, maxMs, silenceMs: long });
  if (tried === null) return null;
  const { wrong, pending, ended, ids, count } = tried;
  const where = `when ${atOnce} documents are in flight on one thread`;
  if (ended !== null) return found(endsRow, `the task’s process ends ${where}: ${ended}`);
  const steady = wrong.length === 0 ? [] : await confirmed(lab, reference, wrong);
  if (steady.length > 0) {
    const said = `${wrong.length} of ${count} results change ${where}`;
    return found(
      inFlightRow,
      `${said}: ${names(steady.map((at) => ({ id: ids[at] as string, error: null })))}`,
    );
  }
  if (wrong.length > 0) return null;
  if (pending.length === 0)
    return fine(inFlightRow.id, `${calls(count)} gave the same results, ${atOnce} at a time on one thread`);
  const named = names(pending.map((at) => ({ id: ids[at] as string, error: null })));
  return found(inFlightRow, `${pending.length} of ${calls(count)} never end ${where}: ${named}`);
}

/** Documents with a result to compare with, about as many as take `maxMs`. */
function chosen({ digests, costsMs }: Reference, maxMs: number): number[] {
  const steady = digests.flatMap((digest, index) => (digest === null ? [] : [index]));
  const few: number[] = [];
  let sumMs = 0;
  for (const index of steady.slice(0, maxDocuments)) {
    if (few.length >= atOnce && sumMs > maxMs) break;
    sumMs += costsMs[index] ?? 0;
    few.push(index);
  }
  if (few.length === 0 || few.length >= minDocuments) return few;
  return Array.from({ length: minDocuments }, (_, i) => few[i % few.length] as number);
}

interface Once {
  /** Indices of documents whose results differ from the reference. */
  readonly wrong: readonly number[];
  /** Indices of documents that began and did not end. */
  readonly pending: readonly number[];
  /** How the process ended, if it did. */
  readonly ended: string | null;
  readonly ids: readonly string[];
  readonly count: number;
}

async function tryOnce(
  lab: Lab,
  { digests, costsMs }: Reference,
  options: { readonly indices: readonly number[]; readonly maxMs: number; readonly silenceMs: number },
): Promise<Once | null> {
  const { task: workload, corpus, strategies } = lab;
  const request: InFlightRequest = {
    workload,
    strategy: strategies.inFlight,
    workers: atOnce,
    corpus,
    costsMs,
    ...options,
  };
  const totalMs = options.indices.reduce((sum, index) => sum + (costsMs[index] ?? 0), 0);
  try {
    const { answers, pending, ids } = await inFreshProcess<InFlight>(
      lab,
      { module: import.meta.url, request },
      startMs + 20 * totalMs + options.maxMs,
    );
    const wrong = answers.filter(({ index, digest }) => digest !== null && digest !== digests[index]);
    const count = answers.length + pending.length;
    return {
      wrong: unique(wrong.map(({ index }) => index)),
      pending: unique(pending),
      ended: null,
      ids,
      count,
    };
  } catch (cause) {
    if (!(cause instanceof HelperDied)) return null; // the task did not load this time, so nothing was tried
    return { wrong: [], pending: [], ended: cause.message, ids: [], count: 0 };
  }
}

function unique(indices: readonly number[]): number[] {
  return [...new Set(indices)];
}

/** No more of the differing documents are run again, alone. */
const maxConfirmed = 3;

/** Keeps documents that give the result of the reference when they run alone, in a fresh process. */
async function confirmed(
  lab: Lab,
  { digests, costsMs }: Reference,
  wrong: readonly number[],
): Promise<number[]> {
  const indices = wrong.slice(0, maxConfirmed);
  const { task: workload, corpus, strategies } = lab;
  const request: InFlightRequest = {
    workload,
    strategy: strategies.baseline,
    workers: 1,
    corpus,
    costsMs,
    indices,
    silenceMs: startMs,
    maxMs: startMs,
  };
  const { answers } = await inFreshProcess<InFlight>(lab, { module: import.meta.url, request }, 2 * startMs);
  return answers.filter(({ index, digest }) => digest === digests[index]).map(({ index }) => index);
}

interface InFlightRequest {
  readonly workload: WorkloadRef;
  readonly strategy: string;
  readonly workers: number;
  readonly corpus: CorpusFile;
  /** Documents of the corpus to run, in this order. */
  readonly indices: readonly number[];
  /** Each document of the corpus takes this time alone. */
  readonly costsMs: readonly number[];
  readonly silenceMs: number;
  readonly maxMs: number;
}

interface InFlight {
  readonly answers: readonly { readonly index: number; readonly digest: string | null }[];
  readonly pending: readonly number[];
  /** The documents of the corpus have these ids. */
  readonly ids: readonly string[];
}

/** The loop looks this often whether an answer came. */
const tickMs = 20;
/** Documents get this much more time than they take alone, one after the other. */
const patience = 8;

/** Runs the documents in this process, and ends if no answer comes any more. */
export async function trial(request: InFlightRequest): Promise<InFlight> {
  const { workload: ref, workers, corpus, indices, costsMs, silenceMs, maxMs } = request;
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  const all = readCorpus(corpus);
  const workload = await loadWorkload(ref);
  const session = await strategy.open(ref, {
    workers,
    runId: measuredRunId,
    delivery: strategy.deliveries[0],
  });
  const answers: { index: number; digest: string | null }[] = [];
  const running = new Set<number>();
  let ticks = 0;
  let answeredMs = now();
  const untilMs = answeredMs + maxMs;
  function* source(): Generator<Document> {
    for (const [at, index] of indices.entries()) {
      if (at >= workers && now() > untilMs) return;
      running.add(at);
      yield { ...copyOf(all[index] as Document), index: at };
    }
  }
  const finished = session.run(source(), (outcome) => {
    ticks = 0;
    answeredMs = now();
    running.delete(outcome.index);
    let digest: string | null = null;
    try {
      digest = outcomeDigest(outcome, workload);
    } catch {
      // another check reports that the task's own digest throws
    }
    answers.push({ index: indices[outcome.index] as number, digest });
  });
  await Promise.race([
    finished,
    new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        // Time in which the loop itself had no core does not count: it makes no ticks.
        const runningMs = [...running].reduce((sum, at) => sum + (costsMs[indices[at] as number] ?? 0), 0);
        const limitMs = Math.max(silenceMs, patience * runningMs);
        ticks++;
        if (ticks * tickMs < limitMs / 2 || now() - answeredMs < limitMs) return;
        clearInterval(timer);
        resolve();
      }, tickMs);
      void finished.finally(() => clearInterval(timer)).catch(() => {});
    }),
  ]);
  return { answers, pending: [...running].map((at) => indices[at] as number), ids: all.map(({ id }) => id) };
}
