import type { Session } from '../../strategies/strategy.js';
import type { Supplied } from './supply.js';

/** What one document costs while others wait in the same thread, mean, milliseconds. */
export interface InFlightCost {
  /** CPU time of the whole process. */
  readonly cpuMs: number;
  /** Time in which the thread was busy. */
  readonly loopMs: number;
}

export interface InFlightFound {
  /** Null if too few documents were done to tell. */
  readonly cost: InFlightCost | null;
  /** The task was called this often. */
  readonly calls: number;
  /** This many documents failed. */
  readonly failed: number;
}

/** Share of the time that passes before the cost is measured: code gets faster at first. */
const warmingShare = 0.5;
/** Fewer documents than this for each place say more about the begin than about what is in flight. */
const minPerPlace = 2;

export interface InFlightOptions {
  readonly documents: readonly Supplied[];
  readonly inFlight: number;
  readonly timeMs: number;
}

interface Mark {
  readonly done: number;
  readonly cpuMs: number;
  readonly loopMs: number;
}

/**
 * Runs documents over and over, several at the same time, and measures what one of them computes. A thread
 * that waits for one document at a time sleeps after each step and wakes up for the next, which may cost more
 * than the task itself: a timer and a read of 2 KB took 0.8 ms of CPU time alone, and 0.12 ms with 64 in
 * flight. The cost is measured between two documents that are taken, so that as many are in flight at the end
 * as at the beginning.
 * @param session runs `inFlight` documents at the same time, on this thread
 */
export async function inFlightCost(
  session: Pick<Session, 'run'>,
  { documents, inFlight, timeMs }: InFlightOptions,
): Promise<InFlightFound> {
  let taken = 0;
  let done = 0;
  let failed = 0;
  let from: Mark | null = null;
  let to: Mark | null = null;
  const mark = (): Mark => {
    const { user, system } = process.cpuUsage();
    return { done, cpuMs: (user + system) / 1e3, loopMs: performance.eventLoopUtilization().active };
  };
  const startedMs = performance.now();
  function* supply(): Generator<Supplied> {
    for (;;) {
      const elapsedMs = performance.now() - startedMs;
      if (elapsedMs >= warmingShare * timeMs) from ??= mark();
      if (elapsedMs >= timeMs) {
        to ??= mark();
        return;
      }
      yield { ...(documents[taken % documents.length] as Supplied), index: taken++ };
    }
  }
  await session.run(supply(), ({ status }) => {
    done++;
    if (status !== 'ok') failed++;
  });
  return { cost: costBetween(from, to, inFlight), calls: taken, failed };
}

function costBetween(from: Mark | null, to: Mark | null, inFlight: number): InFlightCost | null {
  if (from === null || to === null) return null;
  const count = to.done - from.done;
  if (count < minPerPlace * inFlight) return null;
  return { cpuMs: (to.cpuMs - from.cpuMs) / count, loopMs: (to.loopMs - from.loopMs) / count };
}
