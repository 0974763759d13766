import { costText, isSure, type Judged, wantedSchedules } from '../pick/open-loop/judge.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import { counted, number, ratio } from './units.js';

/**
 * `pick --rate` describes its choice with these sentences, each of at most 25 words: what to use, the latency
 * of the open loop, how far the rate is from the knee, what comes next, and what is doubtful.
 */
export function openLoopSentences(
  { demand, feasible }: Judged,
  name: (cell: Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'>) => string,
): string[] {
  const [choice, next] = feasible;
  if (choice === undefined) return [];
  const { p99Ms, p99LowMs, p99HighMs, schedules, headroom, busy } = choice;
  const limit = demand.limitMs === null ? '' : `, limit ${number(demand.limitMs)} ms`;
  const ends =
    p99LowMs === null || p99HighMs === null ? '' : ` (${number(p99LowMs)} to ${number(p99HighMs)})`;
  const times = counted(schedules, 'schedule');
  const kept =
    headroom.keptPerSecond > demand.perSecond
      ? ` It still kept up with ${number(headroom.keptPerSecond)}/s.`
      : '';
  const broken =
    headroom.brokenPerSecond === null ? '' : ` It did not with ${number(headroom.brokenPerSecond)}/s.`;
  const fullLoad = `${number(headroom.fullLoadPerSecond)}/s at full load in a closed loop`;
  return [
    `Use ${name(choice.cell)}: it keeps up with ${demand.asked} on ${costText(choice)}.`,
    p99Ms === null
      ? `Its latency in open loops is unknown.`
      : `Its latency is that of open loops: p99 ${number(p99Ms)} ms${ends}${limit}, over ${times}.`,
    `Headroom ${ratio(headroom.ofFullLoad)} at most: ${fullLoad}.${kept}${broken}`,
    next === undefined
      ? 'No other configuration was shown to keep up.'
      : `The next is ${name(next.cell)}: ${costText(next)}.`,
    ...(schedules < wantedSchedules
      ? ['One schedule is little: this is a guess. Use a longer `--time-budget`.']
      : []),
    ...(isSure(choice, demand)
      ? []
      : ['The interval of p99 is not known to end within the limit: leave more room, or measure longer.']),
    ...(busy ? ['Other processes disturbed all its open loops.'] : []),
  ];
}
