import type { Delivery } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';

/** Makes the documents of one pass from the documents of the corpus. */
export type Fresh = (documents: readonly Document[]) => readonly Document[];

/**
 * Copies the documents for each pass if they are transferred, because a caller loses the bytes of a
 * transferred document. The copies are made before the clock starts.
 */
export function freshFor(delivery: Delivery): Fresh {
  return delivery === 'transfer' ? copies : (documents) => documents;
}

function copies(documents: readonly Document[]): Document[] {
  return documents.map((document) => ({ ...document, bytes: document.bytes.slice() }));
}

export interface Warmup {
  /** Number of documents to warm up with. The corpus is repeated if it has fewer. */
  readonly warmupDocuments: number;
  /** The warm-up ends after this long even if documents are left; absent: no limit. */
  readonly maxWarmupMs?: number;
}

export function* warmup(
  documents: readonly Document[],
  { warmupDocuments, maxWarmupMs = Number.POSITIVE_INFINITY }: Warmup,
  fresh: Fresh,
): Generator<Document> {
  const untilMs = now() + maxWarmupMs;
  for (let left = warmupDocuments; left > 0; left -= documents.length) {
    for (const document of fresh(documents.slice(0, left))) {
      if (now() > untilMs) return;
      yield document;
    }
  }
}
