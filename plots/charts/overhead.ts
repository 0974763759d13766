import { counted, number, size } from '../../bench/words/units.js';
import type { Spec } from '../chart.js';
import { endLabels, lineHeight } from '../end-labels.js';
import { type Domain, labelled, logDomain, powersOfTen } from '../log-axis.js';
import { type Look, lookChannelsWithoutLegend, looksOf } from '../looks.js';
import { panelTitle, picture, unique } from '../picture.js';
import { referenceColour } from '../style.js';

/** A row says what a document of one size costs beyond its task. Null means that it is unknown. */
export interface OverheadRow {
  readonly strategy: string;
  readonly workers: number;
  readonly document_bytes: number;
  /** Overhead per document, µs. */
  readonly overhead_us: number | null;
  /** Its 95 % interval reaches from `lower` to `upper`, µs. */
  readonly overhead_us_lower: number | null;
  readonly overhead_us_upper: number | null;
}

/** A limit says what this number of copies of a document takes. */
export interface LimitRow {
  readonly copies: number;
  readonly document_bytes: number;
  /** Time per document, µs. */
  readonly limit_us: number;
}

export interface OverheadOptions {
  readonly question?: string;
  /** Absent: no copy was timed. */
  readonly limits?: readonly LimitRow[];
}

const usualQuestion = 'What does a document cost beyond its task?';
const missing = 'no trial was valid';

/** Every panel is this wide, px. */
const width = 360;

/**
 * Draws overhead against document size on logarithmic axes, with a panel per number of workers and a line per
 * strategy with its name at the end. Empty documents have no place on such an axis, so they get a tick at the
 * left, and no line leads there. Noise can turn a small overhead into 0 or less; the panel's title counts
 * such values. A limit is a dashed line in every panel.
 */
export function overhead(
  rows: readonly OverheadRow[],
  { question = usualQuestion, limits = [] }: OverheadOptions = {},
): Spec {
  const drawn = rows.filter(isDrawn);
  if (drawn.length === 0) return picture(null, { question, missing });

  const looks = looksOf(unique(drawn.map((row) => row.strategy)));
  const workers = unique(drawn.map((row) => row.workers)).toSorted((a, b) => a - b);
  const y = logDomain([...drawn.flatMap(extent), ...limits.map(({ limit_us }) => limit_us)], 0.04);
  const height = Math.max(300, lineHeight * (looks.size + 1));
  const sizes = unique(drawn.map((row) => row.document_bytes));
  const axes = { x: sizeAxis(sizes, looks.size), y, height, looks, limits };
  const intervals = drawn.some(hasInterval) ? ', 95 % intervals' : '';
  const subtitle = [
    `µs per document${intervals}`,
    ...(limits.length > 0
      ? ['dashed: the copies that a document needs, at the time of one copy in this run, plus 1 µs']
      : []),
  ];
  const body = {
    title: { text: question, fontSize: 15, offset: 10, subtitle },
    columns: 2,
    spacing: 24,
    concat: workers.map((count) => {
      const here = rows.filter((row) => row.workers === count && looks.has(row.strategy));
      const text = `${counted(count, 'worker')}${leftOut(here)}`;
      return { title: panelTitle(text, width), ...panel(here, axes) };
    }),
  };
  return picture(body, { question, missing });
}

/**
 * The values that the y axis must hold. An interval that nearly reaches 0 would take decades, so it may leave
 * the axis at a third of its value.
 */
function extent({
  overhead_us: value,
  overhead_us_lower: low,
  overhead_us_upper: high,
}: OverheadRow): (number | null)[] {
  return [value, low === null || value === null ? null : Math.max(low, value / 3), high];
}

interface Axes {
  readonly x: SizeAxis;
  /** The axis is the same in every panel, µs. */
  readonly y: Domain;
  readonly height: number;
  readonly looks: ReadonlyMap<string, Look>;
  readonly limits: readonly LimitRow[];
}

interface SizeAxis {
  readonly ticks: readonly number[];
  readonly domain: Domain;
  /** Documents of 0 bytes are drawn at this size. */
  readonly empty: number;
  /** Factor between the places of neighbouring strategies. It keeps equal values from hiding each other. */
  readonly step: number;
}

/** Empty documents are placed left of the smallest others, where a third of that size would be. */
function sizeAxis(sizes: readonly number[], strategies: number): SizeAxis {
  const positive = sizes.filter((bytes) => bytes > 0).toSorted((a, b) => a - b);
  const empty = (positive[0] ?? 1) / 3;
  const ticks = positive.length < sizes.length ? [empty, ...positive] : positive;
  const domain = logDomain(ticks, 0.04);
  // Together the strategies take at most half the distance to the next size, and each at most 1.5 px.
  const gaps = ticks.slice(1).map((tick, i) => Math.log(tick / (ticks[i] as number)));
  const most = (1.5 / width) * Math.log(domain[1] / domain[0]);
  return { ticks, domain, empty, step: Math.exp(Math.min(most, ...gaps.map((gap) => gap / 2 / strategies))) };
}

function panel(rows: readonly OverheadRow[], { x, y, height, looks, limits }: Axes): Spec {
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
      // The interval may end beyond the axis, at 0 or less.
      ...(isDrawn(row) && hasInterval(row)
        ? { low: Math.max(row.overhead_us_lower, y[0]), high: row.overhead_us_upper }
        : { low: null, high: null }),
    }),
  );
  const { color, shape } = lookChannelsWithoutLegend(looks);
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
  const limitAt = { x: { ...at.x, field: 'bytes' }, y: { ...at.y, field: 'limit' } };
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'bytes', type: 'quantitative', title: 'document size, bytes', format: ',' },
    { field: 'value', type: 'quantitative', title: 'overhead, µs per document', format: ',.3~r' },
  ];
  const sized = { transform: [{ filter: { field: 'bytes', gt: 0 } }] };
  return {
    width,
    height,
    data: { values: points },
    layer: [
      ...limitLines(limits, limitAt),
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
      ...limitNames(limits, limitAt),
      endLabels(points, {
        channels: { ...at, color, shape },
        size: { width, height },
        domain: y,
        nameWidth: 240,
      }),
    ],
  };
}

interface LimitPlace {
  readonly x: Spec;
  readonly y: Spec;
}

/** Draws a line for each number of copies. Empty documents have no place. */
function limitLines(limits: readonly LimitRow[], at: LimitPlace): Spec[] {
  const values = limitPoints(limits);
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      mark: { type: 'line', color: referenceColour, strokeDash: [4, 3], strokeWidth: 1.5 },
      encoding: { ...at, detail: { field: 'copies', type: 'nominal' } },
    },
  ];
}

/** Writes the name of each limit above its end, on a white edge, because other lines may be there. */
function limitNames(limits: readonly LimitRow[], at: LimitPlace): Spec[] {
  const points = limitPoints(limits);
  const largest = Math.max(...points.map(({ bytes }) => bytes));
  const values = points
    .filter(({ bytes }) => bytes === largest)
    .map((point) => ({ ...point, name: limitName(point.copies) }));
  if (values.length === 0) return [];
  const text = { type: 'text', align: 'right', baseline: 'bottom', dx: -8, dy: -4, fontSize: 10 };
  const encoding = { ...at, text: { field: 'name', type: 'nominal' } };
  return [
    { data: { values }, mark: { ...text, stroke: '#ffffff', strokeWidth: 4 }, encoding },
    { data: { values }, mark: { ...text, color: referenceColour }, encoding },
  ];
}

function limitPoints(limits: readonly LimitRow[]) {
  return limits
    .filter(({ document_bytes }) => document_bytes > 0)
    .map(({ copies, document_bytes, limit_us }) => ({ copies, bytes: document_bytes, limit: limit_us }));
}

function limitName(copies: number): string {
  if (copies === 0) return 'limit, no copy';
  return `limit, ${copies} ${copies === 1 ? 'copy' : 'copies'}`;
}

/** A mark is drawn from one of these. */
interface Point {
  readonly strategy: string;
  readonly bytes: number;
  /** `bytes`, shifted slightly for each strategy. */
  readonly x: number;
  /** Null for a value that cannot be drawn, where the line has a gap. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

function leftOut(rows: readonly OverheadRow[]): string {
  const count = rows.filter((row) => row.overhead_us !== null && row.overhead_us <= 0).length;
  return count === 0 ? '' : `; not drawn: ${counted(count, 'value')} of 0 or less`;
}

function isDrawn(row: OverheadRow): boolean {
  return row.overhead_us !== null && row.overhead_us > 0;
}

function hasInterval(
  row: OverheadRow,
): row is OverheadRow & { overhead_us_lower: number; overhead_us_upper: number } {
  return row.overhead_us_lower !== null && row.overhead_us_upper !== null && row.overhead_us_upper > 0;
}
