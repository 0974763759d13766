import { groupBy } from '../stats/group-by.js';
import { seriesName } from '../tables/series.js';
import type { RatedSummary } from '../tables/summary-columns.js';
import type { Conclusion } from '../verdict/conclude.js';
import { isBaseline } from '../verdict/configurations.js';
import { intervalText, namer, perWorkerLegend, shortNamer, withInterval } from './configuration.js';
import { boundText, isUsefulBound } from './loss.js';
import { sizeChanges } from './size-changes.js';
import type { TextTable } from './text-table.js';
import { counted, listed, percent, ratio } from './units.js';

/** A run advises per workload: a table with one row per corpus, and at most two sentences. */

/** Other configurations that a cell of the table names; the rest is counted. */
const maxNamed = 3;

/**
 * Tabulates what to use at each size, what it gains, what is as good, and what following the advice may cost.
 * There is a group per workload; if there are several, the first column names it.
 */
export function adviceTable(conclusions: readonly Conclusion[]): TextTable {
  const workloads = [...groupBy(conclusions, ({ workload }) => workload).values()];
  return {
    header: [
      'workload',
      'documents',
      'use',
      '× sequential',
      '95 % interval',
      'as good',
      'not told apart',
      'lost at most',
    ],
    numbersFrom: 8,
    spare: ['not told apart', '95 % interval', 'as good'],
    groups: workloads.map((members) =>
      members.map((conclusion) => [
        workloads.length > 1 ? conclusion.workload : '',
        ...adviceRow(conclusion),
      ]),
    ),
  };
}

export function adviceLegend(conclusions: readonly Conclusion[]): string {
  const perWorker = perWorkerLegend(conclusions.flatMap(({ atBest }) => atBest));
  return [
    'As good: the interval of the ratio to the suggestion lies within the margin.',
    'Not told apart: that interval reaches beyond the margin.',
    'Lost at most: the share of the rate that the suggestion may cost against the best, at 95 %. ' +
      'What has a single round is left out, and so is what was not measured.',
    ...(perWorker === null ? [] : [perWorker]),
  ].join('\n');
}

function adviceRow(conclusion: Conclusion): string[] {
  const { corpus, choice, gain, atBest, tied, asGood, regretBound, strategies } = conclusion;
  return [
    corpus,
    shortNamer(strategies, atBest)(choice),
    gain === null ? '' : ratio(gain.ratio),
    gain === null ? '' : intervalText(gain),
    others(asGood, conclusion),
    others(
      tied.filter((cell) => cell !== choice && !asGood.includes(cell)),
      conclusion,
    ),
    boundText(regretBound),
  ];
}

/** A profile that claims nothing gives no advice. */
export function hasAdvice(conclusions: readonly Conclusion[]): boolean {
  return conclusions.some(({ claims }) => claims !== 'nothing');
}

/** The strategies of these cells, the fastest first; those of the choice's own series add nothing. */
function others(cells: readonly RatedSummary[], { choice, atBest }: Conclusion): string {
  const ordered = [...cells].sort((a, b) => b.documents_per_second - a.documents_per_second);
  const names = [...new Set(ordered.map((cell) => seriesName(cell, atBest)))].filter(
    (name) => name !== seriesName(choice, atBest),
  );
  const more = names.length > maxNamed ? [`${names.length - maxNamed} more`] : [];
  return [...names.slice(0, maxNamed), ...more].join(', ');
}

/**
 * At most two sentences of at most 25 words: what to use, and whether that changes with size.
 * @param conclusions all of one workload, from the smallest documents to the largest
 */
export function adviceSentences(conclusions: readonly Conclusion[]): string[] {
  const [first] = conclusions;
  if (first === undefined) return [];
  if (conclusions.every(({ choice, claims }) => choice.rounds < 2 || claims === 'nothing'))
    return [
      `${first.workload}: nothing is shown about what is faster.`,
      first.claims === 'nothing'
        ? 'Use a profile with more rounds.'
        : 'One round has no interval. Measure longer: `--rounds`, `--budget`, or `--time-budget` of `pick`.',
    ];
  const second = sizeChanges(conclusions) ?? loss(conclusions);
  return [use(first, conclusions), ...(second === null ? [] : [second])];
}

/** Makes a list of sentences for each workload, in the order of the conclusions. */
export function adviceByWorkload(conclusions: readonly Conclusion[]): string[][] {
  return [...groupBy(conclusions, ({ workload }) => workload).values()].map(adviceSentences);
}

function use({ workload, strategies, claims }: Conclusion, conclusions: readonly Conclusion[]): string {
  const begin = claims === 'verdicts' ? `For ${workload} use` : `For ${workload} this run suggests`;
  const all = conclusions.flatMap(({ atBest }) => atBest);
  const groups = [...groupBy(conclusions, ({ choice }) => namer(strategies, all)(choice))];
  const [only] = groups;
  if (groups.length === 1 && only !== undefined) return `${begin} ${only[0]}${gainOf(only[1])}.`;
  if (groups.length > 2) return `${begin} what the table names at each size.`;
  const parts = groups.map(([name, members]) => `${name} at ${listed(members.map(({ corpus }) => corpus))}`);
  return `${begin} ${listed(parts)}.`;
}

/** Writes what follows the name of the only choice: its gain at one size, or over several. */
function gainOf(conclusions: readonly Conclusion[]): string {
  const gains = conclusions.map(({ gain }) => gain).filter((gain) => gain !== null);
  const [first] = gains;
  const several = conclusions.length > 1;
  if (first === undefined) {
    const baseline = conclusions.every(({ choice, strategies }) => isBaseline(strategies, choice));
    const where = several ? ' at any size' : '';
    const faster = conclusions.flatMap(({ faster }) => faster).length;
    const are = faster === 1 ? 'is' : 'are';
    if (faster > 0)
      return `, as decided in the run; ${counted(faster, 'configuration')} ${are} shown to be faster`;
    return baseline ? `: nothing is shown to be faster${where}` : several ? ' at every size' : '';
  }
  if (!several) return `: ${withInterval(first)} sequential`;
  const ratios = gains.map(({ ratio }) => ratio);
  return ` at every size: ${ratio(Math.min(...ratios))} to ${ratio(Math.max(...ratios))} sequential`;
}

/** The largest share of the rate that following the advice may cost at any size. */
function loss(conclusions: readonly Conclusion[]): string | null {
  const bounds = conclusions.map(({ regretBound }) => regretBound).filter((bound) => bound !== null);
  if (bounds.length < conclusions.length) return 'How much another configuration would gain is not shown.';
  const bound = Math.max(...bounds);
  const some = conclusions.some(({ leftOut }) => leftOut > 0);
  if (bound === 0)
    return some
      ? 'No measured configuration with more than one round would gain anything (95 %).'
      : 'No other measured configuration would gain anything (95 %).';
  if (!isUsefulBound(bound))
    return 'How much another configuration would gain is not known: rounds differ too much.';
  const others = some
    ? 'Another measured configuration with more than one round'
    : 'Another measured configuration';
  return `${others} would gain at most ${gainText(bound)} (95 %).`;
}

/** A loss of a tenth of the rate is a gain of a ninth for what would have been better. */
function gainText(share: number): string {
  return percent(1 / (1 - share) - 1);
}
