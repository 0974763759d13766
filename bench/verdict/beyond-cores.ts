import type { StrategyTraits } from '../../strategies/strategy.js';
import { sameFamily } from '../tables/cell.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import { practicalMargin } from './choice.js';

/**
 * A speed-up beyond the cores, of work that computes. It may be an error of the measurement, unless
 * `sequential` does something more for each document. Time in the kernel is measured, so it can explain the
 * speed-up. Compression on a main thread is an example: memory goes back to the system after each document,
 * and comes again page by page. If the speed-up is within the cores without that time, it is explained.
 */

/** How far a configuration is beyond its cores, and whether the kernel's time explains that. */
export interface BeyondCores {
  readonly cell: SummaryRow;
  readonly baseline: SummaryRow;
  readonly explained: boolean;
}

/** @returns null where the speed-up is not shown to be beyond the cores, by more than the practical margin */
export function beyondCores(cell: SummaryRow, baseline: SummaryRow | undefined): BeyondCores | null {
  const { kind, speedup, speedup_low, efficiency_cores } = cell;
  if (kind !== 'cpu' || speedup === null || speedup_low === null || efficiency_cores === null) return null;
  const usableCores = speedup / efficiency_cores;
  const isBeyond = (allowed: number) => Math.log(speedup_low / allowed) > practicalMargin;
  if (baseline === undefined || !isBeyond(usableCores)) return null;
  return { cell, baseline, explained: !isBeyond(usableCores * kernelFactor(cell, baseline)) };
}

/**
 * How many times the CPU time that a document would take `sequential` if it spent as little of it in the
 * kernel as the other configuration does; 1 where it spends less, or where that is unknown.
 */
function kernelFactor(cell: SummaryRow, baseline: SummaryRow): number {
  const own = cell.cpu_system_ms_per_document;
  const { cpu_user_ms_per_document: user, cpu_system_ms_per_document: system } = baseline;
  if (own === null || user === null || system === null || user + own <= 0) return 1;
  return Math.max(1, (user + system) / (user + own));
}

/** The baseline's row of the same documents. */
export function baselineCellOf(
  cell: SummaryRow,
  {
    cells,
    strategies,
  }: {
    readonly cells: readonly SummaryRow[];
    readonly strategies: readonly Pick<StrategyTraits, 'name' | 'baseline'>[];
  },
): SummaryRow | undefined {
  return cells.find(
    (other) =>
      sameFamily(other, cell) && strategies.some(({ name, baseline }) => baseline && name === other.strategy),
  );
}
