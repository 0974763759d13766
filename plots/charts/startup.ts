import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { number } from '../../bench/words/units.js';
import { byWorkload, configurationName, highest, lowest, type Valued } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { lookChannelsWithoutLegend } from '../looks.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';

const question = 'After how many documents does a start pay off?';
const missing = 'no trial recorded its start-up';

const breakEven = ({ break_even_documents }: SummaryRow) => break_even_documents;

const startup: Chart = {
  name: 'startup',
  question,
  table: { from: 'summaries', columns: ['startup_ms', 'break_even_documents'] },
  caption: (data) =>
    byWorkload(
      data.summaries.filter(
        ({ strategy, speedup_low }) => strategy !== data.baseline && (speedup_low ?? 0) > 1,
      ),
      (rows) => {
        const [first, last] = [lowest(rows, breakEven), highest(rows, breakEven)];
        if (first === null || last === null) return null;
        const cell = ({ row }: Valued) => `${configurationName(row, data)} at ${row.corpus}`;
        const documents = ({ value }: Valued) => number(Math.ceil(value));
        const count = documents(first) === '1' ? '1 document' : `${documents(first)} documents`;
        const rest = first.row === last.row ? '' : ` to ${documents(last)} (${cell(last)})`;
        const span = `${count} (${cell(first)})${rest}`;
        return `where a gain is shown, a start pays off after ${span}`;
      },
    ),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) => `${kind} work: start-up, ms, and documents until a start pays off`,
      shows: ({ startup_ms }) => startup_ms !== null,
      layers: (panel) => layers(panel, data),
    }),
};

export default startup;

function layers({ rows, y, looks }: Panel, { baseline }: ChartData): Spec[] {
  const values = rows.map(({ label, cell }) => ({
    label,
    strategy: cell.strategy,
    ms: cell.startup_ms,
    documents: cell.strategy === baseline ? '' : paidOff(cell),
  }));
  const longest = Math.max(...values.map(({ ms }) => ms ?? 0)) || 1;
  // The axis is longer than the longest bar, to fit its figure.
  const scale = { domain: [0, longest * 1.35], nice: false };
  const x = { field: 'ms', type: 'quantitative', title: null, scale, axis: { tickCount: 4 } };
  return [
    {
      data: { values },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.6 } },
          encoding: { x, y, color: lookChannelsWithoutLegend(looks).color },
        },
        {
          mark: { type: 'text', align: 'left', baseline: 'middle', dx: 5, fontSize: 10 },
          encoding: { x, y, text: { field: 'documents', type: 'nominal' } },
        },
      ],
    },
  ];
}

function paidOff(cell: SummaryRow): string {
  const documents = breakEven(cell);
  return documents === null ? 'never' : number(Math.ceil(documents));
}
