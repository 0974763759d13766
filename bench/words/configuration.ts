import { seriesName } from '../tables/series.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import type { Ratio } from '../verdict/choice.js';
import type { Traits } from '../verdict/configurations.js';
import { counted, number, ratio } from './units.js';

/** How a configuration is named, in sentences and in tables. */

/** The columns that name a configuration. */
export type Named = Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'> &
  Partial<Pick<SummaryRow, 'rtt_ms' | 'per_worker' | 'configuration'>>;
type Namer = (configuration: Named) => string;

/** The words for what a strategy's number of workers counts. */
function workersInWords(workers: number, concurrency: Traits['concurrency']): string {
  if (concurrency === 'in flight') return `${workers} in flight`;
  return counted(workers, 'worker');
}

/**
 * Names for sentences: "`queue` with 2 workers", "`queue` with 2 workers (4 documents each)", "`async` with 8
 * in flight", "`sequential`".
 * @param among a strategy that has several deliveries in these rows is named with its delivery
 */
export function namer(strategies: readonly Traits[], among: readonly Named[] = []): Namer {
  return (configuration) => {
    const traits = traitsIn(strategies, configuration);
    const name = `\`${seriesName({ ...configuration, per_worker: null }, among)}\``;
    if (traits?.baseline) return name;
    const workers = workersInWords(configuration.workers, traits?.concurrency ?? 'workers');
    return `${name} with ${workers}${splitOf(configuration)}`;
  };
}

function splitOf({ configuration, per_worker, workers }: Named): string {
  const split = configuration == null ? '' : ` (${configuration})`;
  if (per_worker == null) return split;
  return `${split} (${per_worker} documents ${workers === 1 ? 'at a time' : 'each'})`;
}

/** Explains what a row of several documents per worker means; null where no row has them. */
export function perWorkerLegend(rows: readonly Pick<Named, 'per_worker'>[]): string | null {
  return rows.some((row) => row.per_worker != null)
    ? 'Per worker: each worker has up to this many documents in progress at the same time.'
    : null;
}

/** Names for tables: "queue × 2", "sequential". */
export function shortNamer(strategies: readonly Traits[], among: readonly Named[] = []): Namer {
  return (configuration) => {
    const name = seriesName(configuration, among);
    return traitsIn(strategies, configuration)?.baseline ? name : `${name} × ${configuration.workers}`;
  };
}

/** Formats a ratio: "1.95× (1.88–2.02)". */
export function withInterval({ ratio: value, low, high }: Ratio): string {
  const ends = intervalText({ low, high });
  return ends === '' ? ratio(value) : `${ratio(value)} (${ends})`;
}

/** Tells whether the ends of a ratio's interval are known. */
export function hasInterval({ low, high }: Ratio): boolean {
  return low !== null && high !== null;
}

/** "1.88–2.02", "0.062–2,310"; empty where the ends are not known. */
export function intervalText({ low, high }: Pick<Ratio, 'low' | 'high'>): string {
  return low === null || high === null ? '' : `${endText(low)}–${endText(high)}`;
}

/** Has two decimals like a ratio, and three digits where these would be too many or too few. */
function endText(end: number): string {
  return end >= 0.1 && end < 100 ? end.toFixed(2) : number(end);
}

function traitsIn(strategies: readonly Traits[], { strategy }: Named): Traits | undefined {
  return strategies.find(({ name }) => name === strategy);
}
