import type { Delivery } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';

/** The documents of one pass, from those of the corpus. */
export type Fresh = (documents: readonly Document[]) => readonly Document[];

/** A transferred document is gone from its caller: every pass gets documents that are made anew before the clock starts. */
export function freshFor(delivery: Delivery): Fresh {
  return delivery === 'transfer' ? copies : (documents) => documents;
}

function copies(documents: readonly Document[]): Document[] {
  return documents.map((document) => ({ ...document, bytes: document.bytes.slice() }));
}

export interface Warmup {
  /** So many documents, over the corpus again and again if need be. */
  readonly warmupDocuments: number;
  /** And no longer than this; absent: as long as it takes. */
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
