import { addFinding, knownFindings } from '../../workloads/task-findings.js';
import { type CorpusFile, readTruth } from '../trials/corpus-file.js';
import type { Cell } from '../trials/plan.js';
import type { Finding } from './finding.js';
import { inFlightRow, testInFlight } from './findings/in-flight.js';
import type { Lab } from './lab.js';

/** The measuring commands use this to keep away from configurations that mix documents up. */

export interface Prepared {
  /** Identifies the compiled task. */
  readonly sha256: string;
  /** The oracle has run these documents, so the file has their digests. */
  readonly corpus: CorpusFile;
  /** This many documents from the first on are different. */
  readonly documents: number;
  /** These documents take this time, one after the other. */
  readonly sequentialMs: number;
  /** Each of them takes this time; absent if that is unknown. */
  readonly costsMs?: readonly number[];
}

/** `bench` and `pick` begin no document of the test later than this. */
const testMs = 500;

/**
 * Says whether the task may have several documents in flight on one thread: as `forkwise check` found, or
 * as a test finds now, whose finding is kept.
 * @returns null if it cannot be said
 */
export async function inFlightFinding(
  lab: Omit<Lab, 'corpus' | 'inTime'>,
  { sha256, corpus, documents, sequentialMs, costsMs }: Prepared,
): Promise<Finding | null> {
  const known = knownFindings(sha256).find(({ id }) => id === inFlightRow.id);
  if (known !== undefined) return known;
  const reference = {
    digests: readTruth(corpus).digests.slice(0, documents),
    costsMs: Array.from({ length: documents }, (_, i) => costsMs?.[i] ?? sequentialMs / documents),
  };
  const inTime = reference.costsMs.map((_, i) => i);
  const finding = await testInFlight({ ...lab, corpus, inTime }, reference, { maxMs: testMs });
  if (finding !== null) addFinding(sha256, finding);
  return finding;
}

/** Returns true if a configuration has more than one document at a time on a thread. */
export function isInFlight({
  strategy: { strategy },
  workers,
  perWorker = 1,
}: Pick<Cell, 'strategy' | 'workers' | 'perWorker'>): boolean {
  return (strategy.concurrency === 'in flight' ? workers : perWorker) > 1;
}

/** Says to people what is not measured and why, or what is measured only because they force it. */
export function mixingText(
  cells: readonly Pick<Cell, 'strategy' | 'workers' | 'perWorker'>[],
  { said, force }: { readonly said: string; readonly force: boolean },
): string {
  const names = new Set(
    cells.map(({ strategy, workers, perWorker }) => {
      const each = perWorker === undefined ? '' : ` (${perWorker} per worker)`;
      return `${strategy.strategy.name} × ${workers}${each}`;
    }),
  );
  const which = [...names].join(', ');
  if (!force) return `left out: ${which}, because ${said}; see forkwise check`;
  return (
    `measured by --force: ${which}, although ${said}; ` +
    'forkwise run needs --force for them as well, and createRunner `force: true`'
  );
}
