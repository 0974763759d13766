import { markdownTable } from '../report/markdown.js';
import { quantile } from '../stats/estimate.js';
import { ratio } from '../words/units.js';
import type { RegretRow } from './columns.js';
import { tasks } from './tasks.js';

/**
 * Prints how well `pick` chose: a row per task, and a summary.
 * @param folder the folder of the results, as links name it
 */
export function regretInWords(rows: readonly RegretRow[], folder: string): string {
  const regrets = rows.map(({ regret }) => regret);
  const seconds = (of: (row: RegretRow) => number) => rows.reduce((sum, row) => sum + of(row), 0);
  const share =
    seconds(({ pick_seconds }) => pick_seconds) / seconds(({ exhaustive_seconds }) => exhaustive_seconds);
  const header = ['task', 'kind', 'chosen', '× sequential', 'regret', 'highest rate'];
  const group = rows.map((row) => [
    `${row.task}: ${tasks.find(({ name }) => name === row.task)?.about ?? ''}`,
    row.kind,
    inWords(row.choice),
    ratio(row.choice_rate / row.sequential_rate),
    percent(row.regret),
    row.best === row.choice ? 'the same' : inWords(row.best),
  ]);
  const [first] = rows;
  return [
    markdownTable({ header, numbersFrom: 3, groups: [group] }),
    '',
    'Regret is the share of the rate that a choice costs, 1 − X(choice) ÷ X(best), both read from a run ' +
      `of every configuration in ${first?.rounds} rounds: **${percent(quantile(regrets, 0.5) ?? 0)} in the ` +
      `median, ${percent(Math.max(0, ...regrets))} at worst**. ` +
      `Choosing took ${percent(share)} of the time that those runs took. ` +
      `\`npm run regret\`, [regret.csv](${folder}/regret.csv)`,
  ].join('\n');
}

/** Prints a configuration's name for people: "`queue` × 2 (path)". */
function inWords(configuration: string): string {
  const [strategy, workers, delivery] = configuration.split(' ');
  const runsInPlace = delivery === 'none' && workers === '1';
  return runsInPlace ? `\`${strategy}\`` : `\`${strategy}\` × ${workers} (${delivery})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
