import { number } from '../../bench/words/units.js';
import { byWorkload, cellName, highest, lowest } from '../captions.js';
import type { Chart, Spec } from '../chart.js';
import { look } from '../layers.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';

const question = 'Do short jobs gain?';
const missing = 'no trial tells its start-up';

const startup: Chart = {
  name: 'startup',
  question,
  table: { from: 'summaries', columns: ['startup_ms', 'break_even_documents'] },
  caption: ({ summaries }) =>
    byWorkload(
      summaries.filter(({ strategy }) => strategy !== 'sequential'),
      (rows) => {
        const documents = ({ break_even_documents }: (typeof rows)[0]) => break_even_documents;
        const [least, most] = [lowest(rows, documents), highest(rows, documents)];
        if (least === null || most === null) return null;
        return `start-up pays off after ${number(Math.ceil(documents(least) as number))} documents (${cellName(least)} at ${least.corpus}) to ${number(Math.ceil(documents(most) as number))} (${cellName(most)} at ${most.corpus})`;
      },
    ),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) =>
        `${kind} work: start-up, ms; beside it the documents after which it has paid off against sequential`,
      shows: ({ startup_ms }) => startup_ms !== null,
      layers,
    }),
};

export default startup;

function layers({ rows, y, looks }: Panel): Spec[] {
  const values = rows.map(({ label, cell }) => ({
    label,
    strategy: cell.strategy,
    ms: cell.startup_ms,
    documents:
      cell.strategy === 'sequential'
        ? ''
        : cell.break_even_documents === null
          ? 'never'
          : number(Math.ceil(cell.break_even_documents)),
  }));
  const longest = Math.max(...values.map(({ ms }) => ms ?? 0)) || 1;
  // Room for the figures beside the longest bar.
  const x = {
    field: 'ms',
    type: 'quantitative',
    title: null,
    scale: { domain: [0, longest * 1.35], nice: false },
    axis: { tickCount: 4 },
  };
  return [
    {
      data: { values },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.6 } },
          encoding: { x, y, color: { ...look({ looks }, 'colour'), legend: null } },
        },
        {
          mark: { type: 'text', align: 'left', baseline: 'middle', dx: 5, fontSize: 10 },
          encoding: { x, y, text: { field: 'documents', type: 'nominal' } },
        },
      ],
    },
  ];
}
