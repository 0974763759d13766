import { median } from '../stats/estimate.js';
import { number } from '../words/units.js';

/** "412 (398–450)": the median, the lowest and the highest of some values; empty without any. */
export function spread(values: readonly number[], print: (value: number) => string = number): string {
  if (values.length === 0) return '';
  return `${print(median(values) as number)} (${print(Math.min(...values))}–${print(Math.max(...values))})`;
}
