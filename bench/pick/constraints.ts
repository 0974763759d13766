import { type Isolation, isolates, type StrategyTraits } from '../../strategies/strategy.js';
import { sameCell } from '../tables/cell.js';
import { memoryOf } from '../tables/memory.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import { megabytes, number } from '../words/units.js';

/** The limits that a choice must keep, whatever its rate. */
export interface Constraints {
  /** The weakest isolation between a task and its caller that is acceptable. */
  readonly isolation: Isolation;
  /** Limit for the whole process tree, caller included; null means no limit. */
  readonly maxMemoryBytes: number | null;
  /**
   * Longest time, at the 99th percentile, in which a server in the caller's process answers; null means no
   * limit.
   */
  readonly loopDelayMs: number | null;
  /**
   * Longest time, at the 99th percentile, between pulling a document and its outcome in a closed loop at full
   * load; null means no limit. Beside a rate of arrivals it is null, and open loops are limited instead.
   */
  readonly latencyP99Ms: number | null;
  /** Number of documents that the workers are started for; null means that start-up does not count. */
  readonly batch: number | null;
}

export const unconstrained: Constraints = {
  isolation: 'none',
  maxMemoryBytes: null,
  loopDelayMs: null,
  latencyP99Ms: null,
  batch: null,
};

/** Peaks are sampled, so the limit must be a little higher than the peak that was seen. */
const memoryHeadroom = 1.1;

/** Which constraint a configuration breaks, apart from the loop delay; null if it breaks none. */
export function violation(
  row: SummaryRow,
  { isolation, staged }: Pick<StrategyTraits, 'isolation' | 'staged'>,
  limits: Constraints,
): string | null {
  // Documents in flight on one thread do not compute at the same time, so cores do not limit their number.
  // Each stage of its own needs a worker, however few cores there are.
  if (isolation !== 'none' && staged !== true && row.oversubscribed === true)
    return `cores: there are fewer than the ${row.workers} workers that compute`;
  if (!isolates(isolation, limits.isolation)) {
    const has = isolation === 'none' ? 'runs tasks on the caller’s own thread' : `isolates by ${isolation}`;
    return `isolation: it ${has}, and --isolation asks for ${limits.isolation}`;
  }
  return memoryViolation(row, limits) ?? latencyViolation(row, limits);
}

function memoryViolation(row: SummaryRow, { maxMemoryBytes }: Constraints): string | null {
  if (maxMemoryBytes === null) return null;
  const peak = memoryOf(row);
  if (peak === null) return 'memory: its peak is unknown';
  if (peak * memoryHeadroom <= maxMemoryBytes) return null;
  return `memory: peak ${megabytes(peak)}, with a tenth to spare more than ${megabytes(maxMemoryBytes)}`;
}

function latencyViolation(
  { latency_p99_ms: latency }: SummaryRow,
  { latencyP99Ms }: Constraints,
): string | null {
  if (latencyP99Ms === null) return null;
  if (latency === null) return 'latency: unknown';
  if (latency <= latencyP99Ms) return null;
  const p99 = `${number(latency)} ms at the 99th percentile of a closed loop at full load`;
  return `latency: ${p99}, the limit is ${number(latencyP99Ms)} ms`;
}

/** How the loop delay breaks its limit: `untested` if it was not measured; null if it keeps the limit. */
export function loopViolation(
  row: SummaryRow,
  responsiveness: readonly ResponsivenessRow[],
  limits: Constraints,
): string | null | 'untested' {
  if (limits.loopDelayMs === null) return null;
  const measured = responsiveness.filter((other) => sameCell(other, row));
  if (measured.length === 0) return 'untested';
  const worst = measured.reduce((a, b) => (b.ping_p99_ms > a.ping_p99_ms ? b : a));
  if (worst.ping_p99_ms <= limits.loopDelayMs) return null;
  const answers = `${number(worst.ping_p99_ms)} ms at the 99th percentile`;
  const longest = `longest ${number(worst.ping_max_ms)} ms, limit ${number(limits.loopDelayMs)} ms`;
  return `loop delay: a server beside it answers in ${answers} (${longest})`;
}
