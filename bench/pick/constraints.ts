import { type Isolation, isolates, type StrategyTraits } from '../../strategies/strategy.js';
import type { SummaryRow } from '../tables/columns.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { sameCell } from '../tables/summarise.js';
import { memoryOf } from '../verdict/situations.js';
import { megabytes, number } from '../words/units.js';

/** What a choice must keep to, whatever its rate. */
export interface Constraints {
  /** The least that stands between a task and its caller. */
  readonly isolation: Isolation;
  /** For the whole process tree, caller included; null: no limit. */
  readonly maxMemoryBytes: number | null;
  /** Longest time, at the 99th percentile, that a server in the caller's process may take to answer; null: no limit. */
  readonly loopDelayMs: number | null;
  /** Longest time, at the 99th percentile, from a document's being pulled until its outcome; null: no limit. */
  readonly latencyP99Ms: number | null;
  /** Documents that the workers are started for; null: start-up does not count. */
  readonly batch: number | null;
}

export const unconstrained: Constraints = {
  isolation: 'none',
  maxMemoryBytes: null,
  loopDelayMs: null,
  latencyP99Ms: null,
  batch: null,
};

/** Peaks are sampled, so a little more than was seen must fit. */
const memoryHeadroom = 1.1;

/** What a cell breaks, apart from its loop delay; null when nothing. */
export function violation(
  cell: SummaryRow,
  { isolation }: Pick<StrategyTraits, 'isolation'>,
  limits: Constraints,
): string | null {
  // Documents in flight on one thread are no workers that compute.
  if (isolation !== 'none' && cell.oversubscribed === true)
    return `cores: ${cell.workers} workers that compute are more than the cores there are`;
  if (!isolates(isolation, limits.isolation)) {
    return `isolation: ${isolation === 'none' ? 'nothing stands' : `only a ${isolation} stands`} between a task and its caller, asked was for a ${limits.isolation}`;
  }
  if (limits.maxMemoryBytes !== null) {
    const peak = memoryOf(cell);
    if (peak === null) return 'memory: its peak is not known';
    if (peak * memoryHeadroom > limits.maxMemoryBytes)
      return `memory: peak ${megabytes(peak)}, which with a tenth to spare is more than ${megabytes(limits.maxMemoryBytes)}`;
  }
  if (limits.latencyP99Ms !== null) {
    const { latency_p99_ms: latency } = cell;
    if (latency === null) return 'latency: not known';
    if (latency > limits.latencyP99Ms)
      return `latency: ${number(latency)} ms at the 99th percentile, asked was for ${number(limits.latencyP99Ms)} ms`;
  }
  return null;
}

/** How its loop delay breaks the limit: `untested` when nobody has measured it; null when it keeps to it. */
export function loopViolation(
  cell: SummaryRow,
  responsiveness: readonly ResponsivenessRow[],
  limits: Constraints,
): string | null | 'untested' {
  if (limits.loopDelayMs === null) return null;
  const rows = responsiveness.filter((row) => sameCell(row, cell));
  if (rows.length === 0) return 'untested';
  const worst = rows.reduce((a, b) => (b.ping_p99_ms > a.ping_p99_ms ? b : a));
  if (worst.ping_p99_ms <= limits.loopDelayMs) return null;
  return `loop delay: a server beside it answers in ${number(worst.ping_p99_ms)} ms at the 99th percentile (longest ${number(worst.ping_max_ms)} ms), asked was for ${number(limits.loopDelayMs)} ms`;
}
