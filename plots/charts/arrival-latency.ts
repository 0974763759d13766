import type { ArrivalSummaryRow } from '../../bench/tables/arrival-summary.js';
import { number } from '../../bench/words/units.js';
import { configurationName } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { labelled, logDomain, powersOfTen } from '../log-axis.js';
import { lookChannels, looksIn } from '../looks.js';
import { corporaBySize, panelTitle, picture, unique, withLegend } from '../picture.js';

const question = 'How long do documents take when they come at a given rate?';
const missing = 'no rates of arrivals were measured';

const arrivalLatency: Chart = {
  name: 'arrival-latency',
  question,
  optional: true,
  table: {
    from: 'arrivals',
    columns: [
      'asked',
      'offered_per_second',
      'latency_p50_ms',
      'latency_p99_ms',
      'latency_p99_low_ms',
      'latency_p99_high_ms',
      'falls_behind',
    ],
  },
  caption,
  spec,
};

export default arrivalLatency;

/** Names the shortest p99 at the highest rate that a configuration keeps up with. */
function caption(data: ChartData): string | null {
  const clauses = panelsOf(data.arrivals).flatMap(({ workload, corpus, rows }) => {
    const kept = rows.filter((row) => !row.falls_behind && row.latency_p99_ms !== null);
    const rate = Math.max(...kept.map((row) => row.offered_per_second));
    const [first, ...rest] = kept.filter((row) => row.offered_per_second === rate);
    if (first === undefined) return [];
    const best = rest.reduce((a, b) => ((b.latency_p99_ms ?? 0) < (a.latency_p99_ms ?? 0) ? b : a), first);
    const place = severalPlaces(data.arrivals) ? `${workload} ${corpus}: ` : '';
    return [
      `${place}at ${number(rate)} documents/s the shortest p99 is ${number(best.latency_p99_ms ?? 0)} ms ` +
        `(${configurationName(best, data)})`,
    ];
  });
  return clauses.length === 0 ? null : clauses.join('; ');
}

interface PanelRows {
  readonly workload: string;
  readonly corpus: string;
  readonly rows: readonly ArrivalSummaryRow[];
}

function panelsOf(arrivals: readonly ArrivalSummaryRow[]): PanelRows[] {
  return unique(arrivals.map(({ workload }) => workload)).flatMap((workload) => {
    const own = arrivals.filter((row) => row.workload === workload);
    return corporaBySize(own).map((corpus) => ({
      workload,
      corpus,
      rows: own.filter((row) => row.corpus === corpus),
    }));
  });
}

function severalPlaces(arrivals: readonly ArrivalSummaryRow[]): boolean {
  return panelsOf(arrivals).length > 1;
}

function spec(data: ChartData): Spec {
  const known = data.arrivals.filter((row) => row.latency_p99_ms !== null);
  if (known.length === 0) return picture(null, { question, missing });
  const looks = looksIn(
    data,
    known.map(({ strategy }) => strategy),
  );
  const { color, shape } = lookChannels(looks);
  const panels = panelsOf(known);
  const width = panels.length === 1 ? 480 : 320;
  const columns = Math.min(2, panels.length);
  const body = {
    config: withLegend(looks, columns * width),
    spacing: 24,
    columns,
    concat: panels.map(({ workload, corpus, rows }) => {
      const rates = unique(rows.map((row) => row.offered_per_second)).toSorted((a, b) => a - b);
      const apart = offsets(rows, rates);
      const values = rows.map((row) => ({
        strategy: row.strategy,
        configuration: configurationName(row, data),
        rate: row.offered_per_second,
        at: row.offered_per_second + apart(row),
        p99: row.latency_p99_ms,
        low: row.latency_p99_low_ms,
        high: row.latency_p99_high_ms,
        keeps_up: !row.falls_behind,
      }));
      const domain = logDomain(
        values.flatMap(({ p99, low, high }) => [p99, low, high]),
        0.06,
      );
      const x = {
        field: 'at',
        type: 'quantitative',
        title: null,
        scale: { domain: linearDomain(rates), nice: false },
        axis: labelled(rates, number),
      };
      const y = {
        field: 'p99',
        type: 'quantitative',
        title: null,
        scale: { type: 'log', domain, nice: false },
        axis: labelled(powersOfTen(domain), number),
      };
      const tooltip = [
        { field: 'configuration', type: 'nominal' },
        { field: 'rate', type: 'quantitative', title: 'documents/s', format: ',.3~r' },
        { field: 'p99', type: 'quantitative', title: 'p99, ms', format: ',.3~r' },
        { field: 'keeps_up', type: 'nominal', title: 'keeps up' },
      ];
      return {
        title: {
          ...panelTitle(`${workload}, documents: ${corpus}`, width),
          subtitle: 'p99, ms, over documents per second; hollow: falls behind',
        },
        width,
        height: 260,
        data: { values },
        layer: [
          {
            mark: { type: 'line', strokeWidth: 1.5 },
            encoding: { x, y, color, detail: { field: 'configuration' } },
          },
          {
            data: { values: values.filter(({ low, high }) => low !== null && high !== null) },
            mark: { type: 'rule', strokeWidth: 1.5 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          {
            mark: { type: 'point', filled: true, opacity: 1, size: 60 },
            encoding: { x, y, color, shape, tooltip },
          },
          // A hollow symbol falls behind: its latency grows for as long as the rate lasts.
          {
            data: { values: values.filter(({ keeps_up }) => !keeps_up) },
            mark: { type: 'point', filled: true, fill: '#ffffff', strokeWidth: 1.5, opacity: 1, size: 60 },
            encoding: { x, y, stroke: color, shape },
          },
        ],
      };
    }),
  };
  return picture(body, { question, missing });
}

/** Intervals of configurations that met the same rate would cover each other, so they are side by side. */
function offsets(
  rows: readonly ArrivalSummaryRow[],
  rates: readonly number[],
): (row: ArrivalSummaryRow) => number {
  const configurations = unique(rows.map(({ strategy, workers }) => `${strategy} ${workers}`));
  const [low, high] = linearDomain(rates);
  const step = (high - low) / 120;
  return ({ strategy, workers }) =>
    step * (configurations.indexOf(`${strategy} ${workers}`) - (configurations.length - 1) / 2);
}

/** Spans the rates, with a tenth of the span on both sides, or a half of a single rate. */
function linearDomain(rates: readonly number[]): [number, number] {
  const [low, high] = [rates[0] ?? 0, rates.at(-1) ?? 1];
  const margin = low === high ? low / 2 : (high - low) / 10;
  return [low - margin, high + margin];
}
