import type { Delivery, Session } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';
import type { Truth } from './corpus-file.js';

/** Makes the documents of one pass from the documents of the corpus. */
export type Fresh = (documents: readonly Document[]) => readonly Document[];

/**
 * Copies the documents for each pass if a pass may change the caller's bytes: a transferred document loses
 * them, and on the caller's own thread a task may write into them, or give their memory away as pdf.js does.
 * The copies are made before the clock starts.
 */
export function freshFor(delivery: Delivery, { changesBytes }: Pick<Truth, 'changesBytes'>): Fresh {
  const copied = delivery === 'transfer' || (delivery === 'none' && changesBytes);
  return copied ? (documents) => documents.map(copyOf) : (documents) => documents;
}

export function copyOf(document: Document): Document {
  return { ...document, bytes: document.bytes.slice() };
}

export interface Warmup {
  /** Number of documents to warm up with. The corpus is repeated if it has fewer. */
  readonly warmupDocuments: number;
  /** The warm-up ends after this long even if documents are left; absent: no limit. */
  readonly maxWarmupMs?: number;
}

/**
 * A warm-up is divided into this many runs. Code that only runs when a run begins or ends makes an engine
 * discard optimized code the first few times. After a warm-up of one run, the first timed passes of two busy
 * workers were 10 to 20 % slower than the fifth. After one of six runs with as many documents they were not.
 */
const warmupRuns = 6;
/** A run of the warm-up has at least this many documents per worker: every run ends with idle workers. */
const minPerWorker = 4;

/** Runs documents before the clock starts, so that engines have compiled what they need. */
export async function warmUp(
  session: Session,
  documents: readonly Document[],
  { warmupDocuments, maxWarmupMs = Number.POSITIVE_INFINITY, workers, fresh }: Warmup & WarmupSession,
): Promise<void> {
  const untilMs = now() + maxWarmupMs;
  const runs = Math.max(1, Math.min(warmupRuns, Math.floor(warmupDocuments / (minPerWorker * workers))));
  const boundOf = (run: number) => Math.floor((run * warmupDocuments) / runs);
  for (let run = 0; run < runs && now() < untilMs; run++) {
    const part = { from: boundOf(run), end: boundOf(run + 1), untilMs, fresh };
    await session.run(repeated(documents, part), () => {});
  }
}

interface WarmupSession {
  readonly workers: number;
  readonly fresh: Fresh;
}

/** Yields documents of the endlessly repeated corpus, until the time is over. */
function* repeated(
  documents: readonly Document[],
  { from, end, untilMs, fresh }: { from: number; end: number; untilMs: number; fresh: Fresh },
): Generator<Document> {
  for (let at = from; at < end; ) {
    const begin = at % documents.length;
    const part = documents.slice(begin, begin + end - at);
    for (const document of fresh(part)) {
      if (now() > untilMs) return;
      yield document;
    }
    at += part.length;
  }
}
