import type { Session } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Supplied, Supply } from './supply.js';

export interface Warmup {
  /** Number of documents to warm up with. The corpus is repeated if it has fewer. */
  readonly warmupDocuments: number;
  /** The warm-up ends after this long even if documents are left; absent: no limit. */
  readonly maxWarmupMs?: number;
}

/** What a warm-up has run. */
export interface WarmedUp {
  readonly documents: number;
  readonly runs: number;
  readonly ms: number;
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
  session: Pick<Session, 'run'>,
  supply: Pick<Supply, 'documents' | 'fresh' | 'run'>,
  { warmupDocuments, maxWarmupMs = Number.POSITIVE_INFINITY, workers }: Warmup & { readonly workers: number },
): Promise<WarmedUp> {
  const startedMs = now();
  const untilMs = startedMs + maxWarmupMs;
  const runs = Math.max(1, Math.min(warmupRuns, Math.floor(warmupDocuments / (minPerWorker * workers))));
  const boundOf = (run: number) => Math.floor((run * warmupDocuments) / runs);
  let documents = 0;
  let run = 0;
  for (; run < runs && now() < untilMs; run++) {
    const part = { from: boundOf(run), end: boundOf(run + 1), untilMs };
    await supply.run(session, repeated(supply, part), {
      emit() {
        documents++;
      },
    });
  }
  return { documents, runs: run, ms: now() - startedMs };
}

/** Yields documents of the endlessly repeated corpus, until the time is over. */
function* repeated(
  { documents, fresh }: Pick<Supply, 'documents' | 'fresh'>,
  { from, end, untilMs }: { from: number; end: number; untilMs: number },
): Generator<Supplied> {
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
