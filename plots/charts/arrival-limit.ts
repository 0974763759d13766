import type { SloRow } from '../../bench/tables/slo-columns.js';
import { number } from '../../bench/words/units.js';
import { configurationName } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { lookChannelsWithoutLegend, looksIn } from '../looks.js';
import { panelTitle, picture, unique } from '../picture.js';

const question = 'Which rate keeps the limit on latency?';
const missing = 'no limit was searched';

const arrivalLimit: Chart = {
  name: 'arrival-limit',
  question,
  optional: true,
  table: {
    from: 'limits',
    columns: [
      'limit',
      'knee_per_second',
      'knee_low',
      'knee_high',
      'confirmed_per_second',
      'closed_loop_per_second',
    ],
  },
  caption,
  spec,
};

export default arrivalLimit;

interface PanelRows {
  readonly title: string;
  readonly rows: readonly SloRow[];
}

function panelsOf(limits: readonly SloRow[]): PanelRows[] {
  const titles = limits.map(({ workload, corpus, limit }) => `${workload}, documents: ${corpus}, ${limit}`);
  return unique(titles).map((title) => ({ title, rows: limits.filter((_, i) => titles[i] === title) }));
}

/** Names the highest confirmed rate: the knee itself is an estimate. */
function caption(data: ChartData): string | null {
  const panels = panelsOf(data.limits);
  const clauses = panels.flatMap(({ title, rows }) => {
    const [first, ...rest] = rows.filter((row) => row.confirmed_per_second !== null);
    if (first === undefined) return [];
    const best = rest.reduce(
      (a, b) => ((b.confirmed_per_second ?? 0) > (a.confirmed_per_second ?? 0) ? b : a),
      first,
    );
    const place = panels.length > 1 ? `${title}: ` : '';
    return [
      `${place}highest confirmed rate: ${configurationName(best, data)} with ` +
        `${number(best.confirmed_per_second ?? 0)} documents/s`,
    ];
  });
  return clauses.length === 0 ? null : clauses.join('; ');
}

function spec(data: ChartData): Spec {
  const known = data.limits.filter(
    (row) => row.knee_per_second !== null || row.confirmed_per_second !== null,
  );
  if (known.length === 0) return picture(null, { question, missing });
  const looks = looksIn(
    data,
    data.limits.map(({ strategy }) => strategy),
  );
  const { color } = lookChannelsWithoutLegend(looks);
  const width = 420;
  const body = {
    spacing: 24,
    vconcat: panelsOf(data.limits).map(({ title, rows }) => {
      const values = rows.map((row) => ({
        label: configurationName(row, data),
        strategy: row.strategy,
        knee: row.knee_per_second,
        low: row.knee_low,
        high: row.knee_high,
        confirmed: row.confirmed_per_second,
      }));
      const highest = Math.max(
        1,
        ...values.flatMap(({ knee, high, confirmed }) => [knee ?? 0, high ?? 0, confirmed ?? 0]),
      );
      const y = {
        field: 'label',
        type: 'ordinal',
        sort: values.map(({ label }) => label),
        title: null,
        axis: { ticks: false, domain: false },
      };
      const x = { field: 'knee', type: 'quantitative', title: null, scale: { domain: [0, 1.05 * highest] } };
      const tooltip = ['knee', 'low', 'high', 'confirmed'].map((field) => ({
        field,
        type: 'quantitative',
        title: `${field}, documents/s`,
        format: ',.3~r',
      }));
      return {
        title: {
          ...panelTitle(title, width),
          subtitle: 'documents/s: knee with 95 % interval (circle), confirmed (stroke)',
        },
        width,
        height: rows.length * 24,
        layer: [
          {
            data: { values: values.filter((value) => value.low !== null) },
            mark: { type: 'rule', strokeWidth: 1.5 },
            encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color },
          },
          {
            data: { values: values.filter((value) => value.confirmed !== null) },
            mark: { type: 'tick', thickness: 2, size: 14, opacity: 1 },
            encoding: { x: { ...x, field: 'confirmed' }, y, color },
          },
          {
            data: { values: values.filter((value) => value.knee !== null) },
            // A circle for every strategy: rows have names, and a stroke would vanish in its interval.
            mark: { type: 'point', shape: 'circle', filled: true, opacity: 1, size: 60 },
            encoding: { x, y, color, tooltip },
          },
          {
            data: { values: values.filter(({ knee, confirmed }) => knee === null && confirmed !== null) },
            mark: { type: 'text', align: 'right', dx: -8, text: 'knee not reached' },
            encoding: { x: { ...x, field: 'confirmed' }, y },
          },
          {
            data: { values: values.filter(({ knee, confirmed }) => knee === null && confirmed === null) },
            mark: { type: 'text', align: 'left', dx: 4, text: 'no rate was shown to keep the limit' },
            encoding: { x: { datum: 0, type: 'quantitative', title: null, scale: x.scale }, y },
          },
        ],
      };
    }),
  };
  return picture(body, { question, missing });
}
