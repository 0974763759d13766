import { number } from '../../bench/words/units.js';
import { byCorpus, byWorkload, configurationName, lowest } from '../captions.js';
import type { Chart, Spec } from '../chart.js';
import { labelled, logDomain, powersOfTen } from '../log-axis.js';
import { lookChannelsWithoutLegend } from '../looks.js';
import { type Panel, strategyPanels } from '../strategy-panels.js';
import { referenceColour } from '../style.js';

const question = 'How long does a document take?';
const missing = 'no trial recorded its latencies';

const latency: Chart = {
  name: 'latency',
  question,
  table: { from: 'summaries', columns: ['latency_p50_ms', 'latency_p95_ms', 'latency_p99_ms'] },
  caption: (data) =>
    byWorkload(
      data.summaries,
      (rows) =>
        byCorpus(rows, (cells) => {
          const shortest = lowest(cells, ({ latency_p99_ms }) => latency_p99_ms);
          if (shortest === null) return null;
          return `${configurationName(shortest.row, data)} with ${number(shortest.value)} ms`;
        }),
      'shortest p99 at full load: ',
    ),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) =>
        `${kind} work: from being pulled until emitted, ms; p50 (symbol), p95 and p99 (strokes)`,
      shows: ({ latency_p50_ms, latency_p99_ms }) => (latency_p50_ms ?? 0) > 0 && (latency_p99_ms ?? 0) > 0,
      layers,
    }),
};

export default latency;

function layers({ rows, y, looks }: Panel): Spec[] {
  const values = rows.map(({ label, cell }) => ({
    label,
    strategy: cell.strategy,
    p50: cell.latency_p50_ms,
    p95: cell.latency_p95_ms,
    p99: cell.latency_p99_ms,
  }));
  const domain = logDomain(
    values.flatMap(({ p50, p95, p99 }) => [p50, p95, p99]),
    0.06,
  );
  const x = {
    field: 'p50',
    type: 'quantitative',
    title: null,
    scale: { type: 'log', domain, nice: false },
    axis: { ...labelled(powersOfTen(domain), number), grid: true },
  };
  const { color, shape } = lookChannelsWithoutLegend(looks);
  const tooltip = ['p50', 'p95', 'p99'].map((field) => ({
    field,
    type: 'quantitative',
    title: `${field}, ms`,
    format: ',.3~r',
  }));
  const stroke = (field: string) => ({
    mark: { type: 'tick', thickness: 2, size: 10, color: referenceColour },
    encoding: { x: { ...x, field }, y, color },
  });
  return [
    {
      data: { values },
      layer: [
        { mark: { type: 'rule', strokeWidth: 1.5 }, encoding: { x, x2: { field: 'p99' }, y, color } },
        stroke('p95'),
        stroke('p99'),
        {
          mark: { type: 'point', filled: true, opacity: 1, size: 60 },
          encoding: { x, y, color, shape, tooltip },
        },
      ],
    },
  ];
}
