import { markdownTable } from '../report/markdown.js';
import { quantile } from '../stats/estimate.js';
import { percent, ratio } from '../words/units.js';
import type { PromiseRow, RegretRow } from './columns.js';
import { tasks } from './tasks.js';

/** The tables of `npm run regret`, and where they are. */
export interface RegretTables {
  readonly regret: readonly RegretRow[];
  readonly promises: readonly PromiseRow[];
  /** The folder of the results, as links name it. */
  readonly folder: string;
}

/** Prints how well `pick` chose: a row per task, and a summary. */
export function regretInWords({ regret, promises, folder }: RegretTables): string {
  const regrets = regret.map(({ regret }) => regret);
  const seconds = (of: (row: RegretRow) => number) => regret.reduce((sum, row) => sum + of(row), 0);
  const share =
    seconds(({ pick_seconds }) => pick_seconds) / seconds(({ exhaustive_seconds }) => exhaustive_seconds);
  const header = [
    'task',
    'kind',
    'chosen',
    '× sequential',
    'regret',
    'at most',
    'highest rate',
    'promise kept',
  ];
  const group = regret.map((row) => [
    `${row.task}: ${tasks.find(({ name }) => name === row.task)?.about ?? ''}`,
    row.kind,
    inWords(row.choice),
    ratio(row.choice_rate / row.sequential_rate),
    percent(row.regret),
    row.regret_high === null ? 'unknown' : percent(row.regret_high),
    row.best === row.choice ? 'the same' : inWords(row.best),
    kept(promises.filter(({ task }) => task === row.task)),
  ]);
  const rounds = Math.min(...regret.map(({ rounds }) => rounds));
  return [
    markdownTable({ header, numbersFrom: 3, groups: [group] }),
    '',
    'Regret is the share of the rate that a choice costs, 1 − X(choice) ÷ X(best), both read from a run ' +
      `of every configuration in ${rounds} rounds: **${percent(quantile(regrets, 0.5) ?? 0)} in the ` +
      `median, ${percent(Math.max(0, ...regrets))} at worst**. The best is the highest of many rates, so ` +
      'luck makes regret look larger than it is. *At most* is the highest upper end of the 95 % intervals ' +
      'against all others. ' +
      `Of the programs that ran a choice over the whole folder, ${kept(promises)} kept its promise. ` +
      `Choosing took ${percent(share)} of the time that the runs of every configuration took. ` +
      `\`npm run regret\`, [regret.csv](${folder}/regret.csv), [promises.csv](${folder}/promises.csv)`,
  ].join('\n');
}

/** Tells how many programs were within what was promised: "9 of 10". */
function kept(promises: readonly PromiseRow[]): string {
  const sum = (of: (row: PromiseRow) => number) => promises.reduce((total, row) => total + of(row), 0);
  return `${sum(({ held }) => held)} of ${sum(({ programs }) => programs)}`;
}

/** Prints a configuration's name for people: "`queue` × 2 (path)". */
function inWords(configuration: string): string {
  const [strategy, workers, delivery, ...rest] = configuration.split(' ');
  const runsInPlace = delivery === 'none' && workers === '1';
  return runsInPlace ? `\`${strategy}\`` : `\`${strategy}\` × ${workers} (${[delivery, ...rest].join(' ')})`;
}
