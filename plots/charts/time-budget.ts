import type { SummaryRow } from '../../bench/tables/columns.js';
import { byCorpus, byWorkload, cellName } from '../captions.js';
import type { Chart, Spec } from '../chart.js';
import { bestOfEach, type Panel, strategyPanels } from '../strategy-panels.js';

const question = "Where does the workers' time go?";
const missing = 'workers’ time inside the task is known of cpu work within the cores, and of other work';

/** From left to right. Shades of one colour: these are no strategies. */
const parts = [
  { name: 'work, at the pace it has alone', colour: '#1b4f72' },
  { name: 'slower tasks: shared caches, memory, cores', colour: '#5b8db1' },
  { name: 'imbalance: waiting for the busiest worker', colour: '#a9c4d8' },
  { name: 'dispatch, transfer, waiting', colour: '#d9d9d9' },
] as const;

/**
 * Of the time that N workers have in a pass. With the identity S/N = work × balance × availability, the useful part is
 * their product, and what each factor takes from what the ones after it have left is its loss.
 */
function shares({ work_efficiency, balance, availability }: SummaryRow): number[] | null {
  if (work_efficiency === null || balance === null || availability === null) return null;
  const busy = balance * availability;
  return [
    Math.min(work_efficiency, 1) * busy,
    Math.max(0, 1 - work_efficiency) * busy,
    availability * (1 - balance),
    1 - availability,
  ];
}

const timeBudget: Chart = {
  name: 'time-budget',
  question,
  table: { from: 'summaries', columns: ['work_efficiency', 'balance', 'availability'] },
  caption: ({ summaries }) =>
    byWorkload(summaries, (rows) =>
      byCorpus(rows, (cells) => {
        const shown = bestOfEach(
          cells.filter((cell) => cell.strategy !== 'sequential' && shares(cell) !== null),
        );
        if (shown.length === 0) return null;
        const useful = ({ cell }: (typeof shown)[0]) => (shares(cell) as number[])[0] as number;
        const most = shown.reduce((best, row) => (useful(row) > useful(best) ? row : best));
        return `${cellName(most.cell)} spends ${Math.round(100 * useful(most))} % on the work itself`;
      }),
    ),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) => `${kind} work: share of the workers' time`,
      shows: (cell) => cell.strategy !== 'sequential' && shares(cell) !== null,
      layers,
    }),
};

export default timeBudget;

function layers({ rows, y }: Panel): Spec[] {
  const values = rows.flatMap(({ label, cell }) => {
    let end = 0;
    return (shares(cell) as number[]).map((share, i) => {
      const begin = end;
      end += share;
      return { label, part: parts[i]?.name, share, begin, end };
    });
  });
  return [
    {
      data: { values },
      mark: { type: 'bar', height: { band: 0.7 } },
      encoding: {
        x: {
          field: 'begin',
          type: 'quantitative',
          title: null,
          scale: { domain: [0, 1], nice: false },
          axis: { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] },
        },
        x2: { field: 'end' },
        y,
        color: {
          field: 'part',
          type: 'nominal',
          scale: { domain: parts.map(({ name }) => name), range: parts.map(({ colour }) => colour) },
          legend: { orient: 'top', columns: 2, labelLimit: 320 },
        },
        tooltip: [
          { field: 'part', type: 'nominal' },
          { field: 'share', type: 'quantitative', format: '.1%' },
        ],
      },
    },
  ];
}
