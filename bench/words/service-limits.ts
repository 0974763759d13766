import { limitText, readLimits } from '../../services/limits.js';
import type { ServiceLimit } from '../../strategies/strategy.js';
import type { TrialRow } from '../tables/columns.js';
import { number } from './units.js';

/** What each strategy reached under the limits of a service; null where there were none. */
export function serviceLimitText(
  trials: readonly TrialRow[],
  limits: readonly ServiceLimit[],
): string | null {
  const read = readLimits(limits).filter(({ of }) => of === 'requests');
  if (read.length === 0) return null;
  const perSecond = Math.min(...read.map(({ max, perMs }) => (1e3 * max) / perMs));
  const names = [...new Set(trials.map(({ strategy, workers }) => `${strategy} × ${workers}`))];
  const lines = names.flatMap((name) => {
    const own = trials.filter(
      ({ strategy, workers, service_requests }) =>
        `${strategy} × ${workers}` === name && (service_requests ?? null) !== null,
    );
    if (own.length === 0) return [];
    const sum = (of: (row: TrialRow) => number | null | undefined) =>
      own.reduce((total, row) => total + (of(row) ?? 0), 0);
    const documents = sum(({ passes, documents }) => (passes ?? 0) * (documents ?? 0));
    const rate = documents / (sum(({ wall_ms }) => wall_ms) / 1e3);
    const requests = sum(({ service_requests }) => service_requests);
    const lost = number(Math.max(0, 100 * (1 - rate / perSecond)));
    return [
      `  ${name}: ${number(rate)}/s, ${lost} % of the time lost; ` +
        `${sum(({ service_violations }) => service_violations)} over a limit, ` +
        `${sum(({ service_refusals }) => service_refusals)} refused, ` +
        `${Math.max(0, requests - documents)} asked again`,
    ];
  });
  return lines.length === 0
    ? null
    : `Under ${read.map(limitText).join(' and ')}, by the log of the service:\n${lines.join('\n')}\n`;
}
