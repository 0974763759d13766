import { mean } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import { type CellId, sameCell } from '../tables/cell.js';
import { comparableRate } from '../tables/summarise.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import type { Cell } from '../trials/plan.js';
import { cellNames } from '../trials/trial.js';
import { familyOf } from '../verdict/configurations.js';

/** The closed-loop rates of a family: one workload and corpus. */
export interface Family {
  /** Each strategy and delivery with the number of workers that is fastest in a closed loop. */
  readonly cells: readonly Cell[];
  /** Highest mean rate of all configurations, documents per second. */
  readonly capacity: number;
  readonly rateOf: (cell: Cell) => number;
}

export function familiesOf(cells: readonly Cell[], trials: readonly TrialRow[]): Family[] {
  const rates = new Map(
    cells.map((cell) => {
      const own = trials.filter(isOk).filter((trial) => isOf(trial, cell));
      return [cell, own.length === 0 ? 0 : mean(own.map(comparableRate))];
    }),
  );
  const rateOf = (cell: Cell) => rates.get(cell) ?? 0;
  return [...groupBy(cells, (cell) => familyOf(cellNames(cell))).values()].flatMap((family): Family[] => {
    const measured = family.filter((cell) => rateOf(cell) > 0);
    if (measured.length === 0) return [];
    const kinds = groupBy(measured, ({ strategy, delivery }) => `${strategy.strategy.name} ${delivery}`);
    const best = [...kinds.values()].map((same) => same.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a)));
    return [{ cells: best, capacity: Math.max(...measured.map(rateOf)), rateOf }];
  });
}

export function isOf(row: CellId, cell: Cell): boolean {
  return sameCell(row, cellNames(cell));
}
