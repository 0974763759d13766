import { line } from '../stats/line.js';
import { tQuantile } from '../stats/student-t.js';

/** What the documents of one open-loop trial felt, ms from the instant at which each was due. */
export interface LatencyRecord {
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  /** The 95 % interval of p99; an end is null where the trial has too few documents to know it. */
  readonly p99LowMs: number | null;
  readonly p99HighMs: number | null;
}

/** Successive latencies are alike when a queue is long, so the interval rests on this many batches. */
const batches = 20;

/**
 * Describes latencies in the order in which their documents were due. A document that was refused has
 * latency Infinity: it counts as a miss of every limit, and a quantile that falls on it is null.
 */
export function describeLatencies(latenciesMs: Float64Array): LatencyRecord {
  const sorted = latenciesMs.slice().sort();
  const at = (q: number) => finite(orderStatistic(sorted, q));
  const p99 = orderStatistic(sorted, 0.99);
  const half = Number.isFinite(p99) ? shareHalfWidth(latenciesMs, p99) : null;
  return {
    meanMs: finite(latenciesMs.reduce((sum, ms) => sum + ms, 0) / latenciesMs.length),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: finite(sorted.at(-1) ?? Number.NaN),
    p99LowMs: half === null ? null : endOf(sorted, 0.99 - half),
    p99HighMs: half === null ? null : endOf(sorted, 0.99 + half),
  };
}

/** The smallest latency that at least this share of the documents did not exceed. */
function orderStatistic(sorted: Float64Array, q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * Half the width of the 95 % interval of the share of latencies beyond `limit`, from batch means (Law and
 * Kelton, Simulation Modeling and Analysis, 9.5.3): means of long batches are nearly independent even where
 * successive documents are not. Null when the batches are too short to say.
 */
function shareHalfWidth(latenciesMs: Float64Array, limit: number): number | null {
  const size = Math.floor(latenciesMs.length / batches);
  if (size < 10) return null;
  const shares = Array.from({ length: batches }, (_, batch) => {
    const part = latenciesMs.subarray(batch * size, (batch + 1) * size);
    return part.reduce((count, ms) => count + (ms > limit ? 1 : 0), 0) / size;
  });
  const mean = shares.reduce((sum, share) => sum + share, 0) / batches;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / (batches - 1);
  // Independent documents would scatter at least as much as a binomial does.
  const independent = (0.99 * 0.01) / size;
  return tQuantile(0.975, batches - 1) * Math.sqrt(Math.max(variance, independent) / batches);
}

/** Null beyond the ends: no document was slow enough to say. */
function endOf(sorted: Float64Array, q: number): number | null {
  return q >= 1 - 1 / sorted.length ? null : finite(orderStatistic(sorted, q));
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

/** Number of points of the backlog that its slope is fitted to. */
const points = 100;

/**
 * How fast the backlog (documents due and without an outcome) grows, documents per second; a strategy that
 * keeps up has a slope near 0. Refused documents are no backlog.
 * @param dueMs ascending; @param doneMs the instant of each document's outcome, in the same order
 */
export function backlogSlope(dueMs: Float64Array, doneMs: Float64Array): number {
  const done = doneMs.filter(Number.isFinite).sort();
  const accepted = dueMs.filter((_, i) => Number.isFinite(doneMs[i]));
  const from = accepted[0] ?? 0;
  const span = (accepted.at(-1) ?? 0) - from;
  let due = 0;
  let ended = 0;
  const backlog = Array.from({ length: points }, (_, point) => {
    const atMs = from + (span * (point + 1)) / points;
    while (due < accepted.length && (accepted[due] as number) <= atMs) due++;
    while (ended < done.length && (done[ended] as number) <= atMs) ended++;
    return { x: atMs / 1000, y: due - ended };
  });
  return line(backlog)?.slope ?? 0;
}

/** Number of documents that were ok within `limitMs`. */
export function countWithin(
  { latenciesMs, isOk }: { readonly latenciesMs: Float64Array; readonly isOk: Uint8Array },
  limitMs: number,
): number {
  return latenciesMs.reduce((count, ms, i) => count + (ms <= limitMs && isOk[i] === 1 ? 1 : 0), 0);
}
