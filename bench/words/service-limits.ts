import { limitText, readLimits } from '../../services/limits.js';
import type { ServiceLimit } from '../../strategies/strategy.js';
import { groupBy } from '../stats/group-by.js';
import { rowName } from '../tables/series.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { configurationName } from '../verdict/configurations.js';
import { number } from './units.js';

/** What each strategy reached under the limits of a service; null where there were none. */
export function serviceLimitText(
  trials: readonly TrialRow[],
  limits: readonly ServiceLimit[],
): string | null {
  const read = readLimits(limits).filter(({ of }) => of === 'requests');
  if (read.length === 0) return null;
  const perSecond = Math.min(...read.map(({ max, perMs }) => (1e3 * max) / perMs));
  const names = [...new Set(trials.map(rowName))];
  const lines = names.flatMap((name) => {
    const own = trials.filter(
      (trial) => rowName(trial) === name && (trial.service_requests ?? null) !== null,
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

/**
 * Says which configurations a service has refused, whose rates are then those of its limit. Null where none
 * was refused.
 */
export function refusedText(trials: readonly TrialRow[]): string | null {
  const lines = [...groupBy(trials, configurationName)].flatMap(([name, own]) => {
    const sum = (of: (row: TrialRow) => number | null | undefined) =>
      own.reduce((total, row) => total + (of(row) ?? 0), 0);
    const refused = sum(({ service_refusals }) => service_refusals);
    if (refused === 0) return [];
    const closedMs = sum(({ service_closed_ms }) => service_closed_ms);
    const limits = [...new Set(own.flatMap(({ service_limits }) => service_limits ?? []))];
    const said = limits.length === 0 ? '' : `; its headers name ${limits.join(', ')}`;
    const closed = Math.min(100, (100 * closedMs) / sum(({ wall_ms }) => wall_ms));
    return [`  ${name}: ${refused} refused, closed for ${number(closed)} % of the time${said}`];
  });
  return lines.length === 0
    ? null
    : `The task's service refused requests, so these rates are those of its limit:\n${lines.join('\n')}\n`;
}
