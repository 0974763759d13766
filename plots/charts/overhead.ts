import { number, size } from '../../bench/words/units.js';
import type { Spec } from '../chart.js';
import { endLabels, lineHeight } from '../end-labels.js';
import { look } from '../layers.js';
import { type Domain, labelled, logDomain, powersOfTen } from '../log-axis.js';
import { config, type Look, looksOf } from '../style.js';

/** What a document of one size costs beside its task. Null is unknown. */
export interface OverheadRow {
  readonly strategy: string;
  readonly workers: number;
  readonly document_bytes: number;
  /** µs. */
  readonly overhead_us: number | null;
  /** Ends of its 95 % interval, µs. */
  readonly overhead_us_lower: number | null;
  readonly overhead_us_upper: number | null;
}

const question = 'What does a document cost beyond its task?';

/** A panel's width, px. */
const width = 360;

/**
 * Overhead against document size, both on logarithmic axes: a panel a number of workers, a line a strategy with its name at the end.
 * Empty documents have no place on such an axis; theirs is a tick of its own at the left, and no line leads there. Nor has an
 * overhead of 0 or less, which noise can make of a small one: those are counted in the panel's title.
 */
export function overhead(rows: readonly OverheadRow[]): Spec {
  const top = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', description: question, config };
  const title = { text: question, fontSize: 15, offset: 10 };
  const drawn = rows.filter(isDrawn);
  if (drawn.length === 0)
    return { ...top, title, data: { values: [{}] }, mark: { type: 'text', text: 'no data', fontSize: 13 } };

  const looks = looksOf(unique(drawn.map((row) => row.strategy)));
  const workers = unique(drawn.map((row) => row.workers)).toSorted((a, b) => a - b);
  const y = logDomain(drawn.flatMap(extent), 0.04);
  const height = Math.max(300, lineHeight * (looks.size + 1));
  const axes = { x: sizeAxis(unique(drawn.map((row) => row.document_bytes)), looks.size), y, height, looks };
  const intervals = drawn.some(hasInterval) ? ', 95 % intervals' : '';
  return {
    ...top,
    title: { ...title, subtitle: `µs per document${intervals}` },
    columns: 2,
    spacing: 24,
    concat: workers.map((count) => {
      const here = rows.filter((row) => row.workers === count && looks.has(row.strategy));
      return panel(here, {
        ...axes,
        title: `${count} ${count === 1 ? 'worker' : 'workers'}${leftOut(here)}`,
      });
    }),
  };
}

/** What the y axis must hold. An interval that nearly reaches 0 would take decades: it may leave the axis at a third of its value. */
function extent({
  overhead_us: value,
  overhead_us_lower: low,
  overhead_us_upper: high,
}: OverheadRow): (number | null)[] {
  return [value, low === null || value === null ? null : Math.max(low, value / 3), high];
}

interface Axes {
  readonly x: SizeAxis;
  /** The same in every panel, µs. */
  readonly y: Domain;
  readonly height: number;
  readonly looks: ReadonlyMap<string, Look>;
}

interface SizeAxis {
  readonly ticks: readonly number[];
  readonly domain: Domain;
  /** Where documents of 0 bytes stand. */
  readonly empty: number;
  /** Factor between the places of neighbouring strategies, so that equal values do not hide each other. */
  readonly step: number;
}

/** Empty documents stand left of the smallest others, as far as a size a third of theirs would. */
function sizeAxis(sizes: readonly number[], strategies: number): SizeAxis {
  const positive = sizes.filter((bytes) => bytes > 0).toSorted((a, b) => a - b);
  const empty = (positive[0] ?? 1) / 3;
  const ticks = positive.length < sizes.length ? [empty, ...positive] : positive;
  const domain = logDomain(ticks, 0.04);
  // Half the way to the next size is theirs together, and 1.5 px for each at the most.
  const gaps = ticks.slice(1).map((tick, i) => Math.log(tick / (ticks[i] as number)));
  const most = (1.5 / width) * Math.log(domain[1] / domain[0]);
  return { ticks, domain, empty, step: Math.exp(Math.min(most, ...gaps.map((gap) => gap / 2 / strategies))) };
}

function panel(rows: readonly OverheadRow[], { x, y, height, looks, title }: Axes & { title: string }): Spec {
  const order = [...looks.keys()];
  const aside = (strategy: string) => x.step ** (order.indexOf(strategy) - (order.length - 1) / 2);
  const points = rows.map(
    (row): Point => ({
      strategy: row.strategy,
      bytes: row.document_bytes,
      x: Number(
        ((row.document_bytes > 0 ? row.document_bytes : x.empty) * aside(row.strategy)).toPrecision(5),
      ),
      value: isDrawn(row) ? row.overhead_us : null,
      // It may end beyond the axis, at 0 or less.
      ...(isDrawn(row) && hasInterval(row)
        ? { low: Math.max(row.overhead_us_lower, y[0]), high: row.overhead_us_upper }
        : { low: null, high: null }),
    }),
  );
  const color = { ...look({ looks }, 'colour'), legend: null };
  const shape = { ...look({ looks }, 'shape'), legend: null };
  const at = {
    x: {
      field: 'x',
      type: 'quantitative',
      title: 'document size',
      scale: { type: 'log', domain: x.domain, nice: false },
      axis: { ...labelled(x.ticks, (bytes) => (bytes === x.empty ? '0 B' : size(bytes))), grid: false },
    },
    y: {
      field: 'value',
      type: 'quantitative',
      title: null,
      scale: { type: 'log', domain: y, nice: false },
      axis: labelled(powersOfTen(y), number),
    },
  };
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'bytes', type: 'quantitative', title: 'document size, bytes', format: ',' },
    { field: 'value', type: 'quantitative', title: 'overhead, µs per document', format: ',.3~r' },
  ];
  const sized = { transform: [{ filter: { field: 'bytes', gt: 0 } }] };
  return {
    title: { text: title, fontSize: 11, fontWeight: 'normal', frame: 'group', offset: 4 },
    width,
    height,
    data: { values: points },
    layer: [
      { ...sized, mark: { type: 'line', strokeWidth: 1.5 }, encoding: { ...at, color } },
      {
        transform: [{ filter: { field: 'high', valid: true } }],
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x: at.x, y: { ...at.y, field: 'low' }, y2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point', filled: true, opacity: 1, size: 40 },
        encoding: { ...at, color, shape, tooltip },
      },
      endLabels(points, { channels: { ...at, color, shape }, size: { width, height }, domain: y }),
    ],
  };
}

/** A mark's datum. */
interface Point {
  readonly strategy: string;
  readonly bytes: number;
  /** `bytes`, moved a little aside for each strategy. */
  readonly x: number;
  /** Null for one that cannot be drawn: the line has a gap there. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

function leftOut(rows: readonly OverheadRow[]): string {
  const count = rows.filter((row) => row.overhead_us !== null && row.overhead_us <= 0).length;
  return count === 0 ? '' : `; not drawn: ${count} ${count === 1 ? 'value' : 'values'} of 0 or less`;
}

function isDrawn(row: OverheadRow): boolean {
  return row.overhead_us !== null && row.overhead_us > 0;
}

function hasInterval(
  row: OverheadRow,
): row is OverheadRow & { overhead_us_lower: number; overhead_us_upper: number } {
  return row.overhead_us_lower !== null && row.overhead_us_upper !== null && row.overhead_us_upper > 0;
}

function unique<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}
