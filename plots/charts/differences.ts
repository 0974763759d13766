import type { ComparisonRow } from '../../bench/tables/comparison-columns.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { lookChannelsWithoutLegend } from '../looks.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';
import { bandColour, referenceColour } from '../style.js';

const question = 'Which differences are real?';
const missing = 'no trial was valid';

/**
 * Compares each strategy at its best number of workers with the fastest configuration. A band shows the
 * margin, within which a difference does not matter in practice.
 */
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
    const highs = comparisons.filter(isAgainstBest).flatMap(({ ratio_low, ratio_high, margin }) => {
      return ratio_low === null || ratio_high === null ? [] : [{ high: ratio_high, margin }];
    });
    if (highs.length === 0) return null;
    const slower = highs.filter(({ high, margin }) => high < 1 / margin).length;
    return (
      `${slower} of ${highs.length} cells are slower than the fastest of their workload and documents ` +
      'by more than the margin; the rest may be as fast'
    );
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

function isAgainstBest({ reference, twin }: ComparisonRow): boolean {
  return reference === 'best' && twin === null;
}

function layers({ rows, y, looks }: Panel, { comparisons }: ChartData): Spec[] {
  const values = rows.map(({ label, cell }) => {
    const found = comparisons
      .filter(isAgainstBest)
      .find(
        (row) =>
          row.workload === cell.workload &&
          row.corpus === cell.corpus &&
          row.source === cell.source &&
          row.strategy === cell.strategy &&
          row.workers === cell.workers &&
          row.delivery === cell.delivery &&
          row.rtt_ms === cell.rtt_ms &&
          row.per_worker === cell.per_worker,
      );
    // The fastest has no row, because it is not compared with itself. Its ratio is 1.
    return {
      label,
      strategy: cell.strategy,
      ratio: found?.ratio ?? 1,
      low: found?.ratio_low ?? null,
      high: found?.ratio_high ?? null,
      margin: found?.margin ?? null,
    };
  });
  const margin = values.find((value) => value.margin !== null)?.margin ?? null;
  const band = margin === null ? [] : [1 / margin, margin];
  const ends = values.flatMap(({ ratio, low, high }) => [ratio, low ?? ratio, high ?? ratio]).concat(band);
  const [bottom, top] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.06 * (top - bottom) || 0.03;
  const x = {
    field: 'ratio',
    type: 'quantitative',
    title: null,
    scale: { domain: [bottom - room, top + room], nice: false, zero: false },
    axis: { tickCount: 5, format: '.2~f' },
  };
  const { color, shape } = lookChannelsWithoutLegend(looks);
  const marginBand = {
    data: { values: [{ ratio: band[0], high: band[1] }] },
    mark: { type: 'rect', color: bandColour },
    encoding: { x, x2: { field: 'high' } },
  };
  return [
    ...(margin === null ? [] : [marginBand]),
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
