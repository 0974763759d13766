import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { number } from '../../bench/words/units.js';
import { byWorkload, spanAtSmallest } from '../captions.js';
import type { Chart, Spec } from '../chart.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';

const question = 'How much CPU time does a document take?';
const missing = 'no trial recorded its CPU time';

const cpuMs = ({ cpu_ms_per_document }: SummaryRow) => cpu_ms_per_document;

/** The parts of a bar, left to right, in shades of one colour, because they are not strategies. */
const parts = [
  { name: 'user', column: 'cpu_user_ms_per_document', colour: '#5b8db1' },
  { name: 'system', column: 'cpu_system_ms_per_document', colour: '#1b4f72' },
] as const;

/**
 * Draws the CPU time of the whole process tree per document, each strategy at the number of workers with its
 * highest rate.
 */
const cpu: Chart = {
  name: 'cpu',
  question,
  table: {
    from: 'summaries',
    columns: ['cpu_user_ms_per_document', 'cpu_system_ms_per_document', 'cpu_ms_per_document', 'cpu_percent'],
  },
  caption: (data) =>
    byWorkload(data.summaries, (rows) => spanAtSmallest({ rows, value: cpuMs, unit: 'ms' }, data)),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) => `${kind} work: CPU time of all processes, ms per document`,
      shows: ({ cpu_user_ms_per_document, cpu_system_ms_per_document }) =>
        cpu_user_ms_per_document !== null && cpu_system_ms_per_document !== null,
      layers,
    }),
};

export default cpu;

function layers({ rows, y }: Panel): Spec[] {
  const values = rows.flatMap(({ label, cell }) => {
    let end = 0;
    return parts.map(({ name, column }) => {
      const begin = end;
      end += cell[column] ?? 0;
      return { label, strategy: cell.strategy, part: name, ms: cell[column], begin, end };
    });
  });
  const totals = rows.map(({ label, cell }) => {
    const ms = cpuMs(cell);
    return { label, strategy: cell.strategy, ms, text: ms === null ? '' : number(ms) };
  });
  // The axis is longer than the longest bar, to fit its figure.
  const domain = [0, (Math.max(...totals.map(({ ms }) => ms ?? 0)) || 1) * 1.25];
  const x = { type: 'quantitative', title: null, scale: { domain, nice: false }, axis: { tickCount: 4 } };
  const color = {
    field: 'part',
    type: 'nominal',
    scale: { domain: parts.map(({ name }) => name), range: parts.map(({ colour }) => colour) },
    legend: { orient: 'top' },
  };
  const tooltip = [
    { field: 'label', type: 'nominal', title: 'strategy' },
    { field: 'part', type: 'nominal' },
    { field: 'ms', type: 'quantitative', format: ',.3~r' },
  ];
  return [
    {
      data: { values },
      mark: { type: 'bar', height: { band: 0.65 } },
      encoding: { x: { ...x, field: 'begin' }, x2: { field: 'end' }, y, color, tooltip },
    },
    {
      data: { values: totals },
      mark: { type: 'text', align: 'left', baseline: 'middle', dx: 5, fontSize: 10 },
      encoding: { x: { ...x, field: 'ms' }, y, text: { field: 'text', type: 'nominal' } },
    },
  ];
}
