import type { Chart, ChartData, Spec } from '../chart.js';
import { look } from '../layers.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';
import { bandColour, referenceColour } from '../style.js';

const question = 'Which differences are real?';
const missing = 'no trial was valid';

/** Each strategy at its best number of workers against the fastest cell, with the band inside which a difference is of no use. */
const differences: Chart = {
  name: 'differences',
  question,
  table: {
    from: 'comparisons',
    columns: [
      'reference_strategy',
      'reference_workers',
      'ratio',
      'ratio_low',
      'ratio_high',
      'margin',
      'minimum_detectable_ratio',
      'verdict',
    ],
    where: ({ reference }) => reference === 'best',
  },
  caption({ comparisons }) {
    const against = comparisons.filter(({ reference, twin }) => reference === 'best' && twin === null);
    const judged = against.filter(({ ratio_high, ratio_low }) => ratio_low !== null && ratio_high !== null);
    if (judged.length === 0) return null;
    const apart = judged.filter((row) => (row.ratio_high as number) < 1 / row.margin);
    return `${apart.length} of ${judged.length} cells lie beyond the margin below the fastest of their workload and documents; the rest may be as fast`;
  },
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: () => 'rate ÷ rate of the fastest, 95 % intervals paired by round; grey: the margin',
      shows: () => true,
      layers: (panel) => layers(panel, data),
    }),
};

export default differences;

function layers({ rows, y, looks }: Panel, { comparisons }: ChartData): Spec[] {
  const { workload, corpus } = (rows[0] as Panel['rows'][0]).cell;
  const here = comparisons.filter(
    (row) =>
      row.reference === 'best' && row.twin === null && row.workload === workload && row.corpus === corpus,
  );
  const values = rows.map(({ label, cell }) => {
    const found = here.find(
      (row) =>
        row.strategy === cell.strategy && row.workers === cell.workers && row.delivery === cell.delivery,
    );
    // The fastest is compared with nothing: it is the 1.
    return {
      label,
      strategy: cell.strategy,
      ratio: found?.ratio ?? 1,
      low: found?.ratio_low ?? null,
      high: found?.ratio_high ?? null,
    };
  });
  const margin = here[0]?.margin ?? 1.03;
  const ends = values.flatMap(({ ratio, low, high }) => [ratio, low ?? ratio, high ?? ratio]);
  const [least, most] = [Math.min(...ends, 1 / margin), Math.max(...ends, margin)];
  const room = 0.06 * (most - least);
  const domain = [least - room, most + room];
  const x = {
    field: 'ratio',
    type: 'quantitative',
    title: null,
    scale: { domain, nice: false, zero: false },
    axis: { tickCount: 5, format: '.2~f' },
  };
  const color = { ...look({ looks }, 'colour'), legend: null };
  const shape = { ...look({ looks }, 'shape'), legend: null };
  return [
    {
      data: { values: [{ ratio: 1 / margin, high: margin }] },
      mark: { type: 'rect', color: bandColour },
      encoding: { x, x2: { field: 'high' } },
    },
    {
      data: { values: [{ ratio: 1 }] },
      mark: { type: 'rule', color: referenceColour, strokeDash: [3, 3] },
      encoding: { x },
    },
    {
      data: { values },
      layer: [
        {
          transform: [{ filter: { and: ['low', 'high'].map((field) => ({ field, valid: true })) } }],
          mark: { type: 'rule', strokeWidth: 1.5 },
          encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color },
        },
        { mark: { type: 'point', filled: true, opacity: 1, size: 60 }, encoding: { x, y, color, shape } },
      ],
    },
  ];
}
