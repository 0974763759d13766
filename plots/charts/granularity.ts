import { number } from '../../bench/words/units.js';
import type { Spec } from '../chart.js';
import { labelled, logDomain, powersOfTen } from '../log-axis.js';
import { type Look, lookChannelsWithoutLegend, looksOf } from '../looks.js';
import { picture, unique } from '../picture.js';
import { referenceColour } from '../style.js';
import { textWidth } from '../text-width.js';

/**
 * A point in a sweep of task lengths. A strategy's rows are ordered by the work in a task. Null means
 * unknown.
 */
export interface GranularityRow {
  readonly strategy: string;
  /** Time that a task takes on its core, overhead included, µs. */
  readonly granularity_us: number | null;
  /** The share of that time that the task itself uses. */
  readonly efficiency: number | null;
}

/**
 * The minimum effective task granularity (METG) of a strategy at efficiency `e`, with its 95 % interval, µs.
 */
export interface MetgMark {
  readonly strategy: string;
  readonly e: number;
  /**
   * Null means: at most `metg_us_upper` if that is known, more than `metg_us_lower` if that is known, else
   * unknown.
   */
  readonly metg_us: number | null;
  readonly metg_us_lower: number | null;
  readonly metg_us_upper: number | null;
}

const question = 'How short may tasks be?';
const missing = 'no sweep has a valid point';

/** METG is usually given for these efficiencies. */
const rules = [0.5, 0.8];

const width = 520;
const lineHeight = 18;

/**
 * Draws efficiency against granularity, a line per strategy. The symbol on a line is its METG at 50 %. The
 * key beside the lines has METG in figures, the shortest first, which is the order of the lines from left to
 * right. Figures beside the symbols would hide each other.
 */
export function granularity(rows: readonly GranularityRow[], marks: readonly MetgMark[]): Spec {
  const valid = rows.filter(
    (row) => row.granularity_us !== null && row.granularity_us > 0 && row.efficiency !== null,
  );
  if (valid.length === 0) return picture(null, { question, missing });

  const looks = looksOf(unique(valid.map((row) => row.strategy)));
  const points = rows.filter((row) => looks.has(row.strategy)); // unknown points are gaps in a line
  const known = marks.filter((mark) => looks.has(mark.strategy));
  const height = Math.max(320, lineHeight * (looks.size + 1));
  const subtitle = `the task's own share of the time${legend(known)}`;
  const body = {
    title: { text: question, fontSize: 15, offset: 10, subtitle },
    spacing: 28,
    hconcat: [curves({ points, marks: known, looks, height }), key({ marks: known, looks, height })],
  };
  return picture(body, { question, missing });
}

/** Explains the symbols, if there are any. */
function legend(marks: readonly MetgMark[]): string {
  const halves = marks.filter(isHalf);
  if (halves.length === 0) return '';
  const intervals = halves.some((mark) => mark.metg_us_lower !== null && mark.metg_us_upper !== null);
  return `; symbol: the shortest task with 50 % (METG)${intervals ? ' and its 95 % interval' : ''}`;
}

function isHalf(mark: MetgMark): boolean {
  return mark.e === 0.5 && mark.metg_us !== null;
}

interface Drawn {
  readonly marks: readonly MetgMark[];
  readonly looks: ReadonlyMap<string, Look>;
  readonly height: number;
}

function curves({ points, marks, looks, height }: Drawn & { points: readonly GranularityRow[] }): Spec {
  const halves = marks.filter(isHalf);
  const ends = halves.flatMap((mark) => [mark.metg_us, mark.metg_us_lower, mark.metg_us_upper]);
  const domain = logDomain([...points.map((row) => row.granularity_us), ...ends], 0.02);
  const { color, shape } = lookChannelsWithoutLegend(looks);
  const x = {
    field: 'granularity_us',
    type: 'quantitative',
    title: 'granularity: time of a task on its core, overhead included',
    scale: { type: 'log', domain, nice: false },
    axis: { ...labelled(powersOfTen(domain), time), grid: false },
  };
  const y = {
    field: 'efficiency',
    type: 'quantitative',
    title: null,
    scale: { domain: [0, Math.max(1, ...points.map((row) => row.efficiency ?? 0))], nice: false },
    axis: { ...labelled([0, 0.2, 0.4, ...rules, 0.6, 1], percent), grid: false },
  };
  const metg = { x: { ...x, field: 'metg_us' }, y: { ...y, field: 'e' } };
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'metg_us', type: 'quantitative', title: 'METG (50 %), µs', format: ',.3~r' },
  ];
  return {
    width,
    height,
    layer: [
      {
        data: { values: rules.map((efficiency) => ({ efficiency })) },
        mark: { type: 'rule', color: referenceColour, strokeDash: [3, 3], strokeWidth: 1 },
        encoding: { y },
      },
      {
        data: { values: points.map((row, order) => ({ ...row, order })) },
        mark: { type: 'line', strokeWidth: 1.5 },
        // Points are joined in the order of the sweep. Granularity hardly grows at its start, where noise
        // would swap neighbours and the line would run back and forth.
        encoding: { x, y, color, order: { field: 'order', type: 'quantitative' } },
      },
      {
        data: { values: halves },
        layer: [
          {
            transform: [
              {
                filter: { and: ['metg_us_lower', 'metg_us_upper'].map((field) => ({ field, valid: true })) },
              },
            ],
            mark: { type: 'rule', strokeWidth: 3 },
            encoding: { ...metg, x: { ...x, field: 'metg_us_lower' }, x2: { field: 'metg_us_upper' }, color },
          },
          {
            mark: { type: 'point', filled: true, opacity: 1, size: 70, stroke: '#ffffff', strokeWidth: 1 },
            encoding: { ...metg, color, shape, tooltip },
          },
        ],
      },
    ],
  };
}

/** Lists symbol, name and METG of each strategy in lines of text beside the curves. */
function key({ marks, looks, height }: Drawn): Spec {
  const levels = rules.filter((e) => marks.some((mark) => mark.e === e));
  const markOf = (strategy: string, e: number) =>
    marks.find((mark) => mark.strategy === strategy && mark.e === e);
  const order = (strategy: string) => {
    const mark = markOf(strategy, 0.5);
    return mark?.metg_us ?? mark?.metg_us_upper ?? mark?.metg_us_lower ?? Number.MAX_VALUE;
  };
  const names = [...looks.keys()].map((name) => textWidth(name, { fontSize: 11, bold: false }));
  const nameWidth = Math.min(maxNameWidth, Math.ceil(Math.max(...names)) + 20);
  const entries = [...looks.keys()]
    .sort((a, b) => order(a) - order(b))
    .map((strategy, i) => ({ strategy, top: (i + 1) * lineHeight }));
  const y = {
    field: 'top',
    type: 'quantitative',
    scale: { domain: [height, 0], nice: false, zero: false },
    axis: null,
  };
  const at = (left: number) => ({ x: { value: left }, y });
  const { color, shape } = lookChannelsWithoutLegend(looks);
  const text = { type: 'text', align: 'left', baseline: 'middle', fontSize: 11 };
  return {
    width: nameWidth + levels.length * columnWidth,
    height,
    view: { stroke: null },
    layer: [
      {
        data: { values: entries },
        mark: { type: 'point', filled: true, opacity: 1, size: 50 },
        encoding: { ...at(6), color, shape },
      },
      {
        data: { values: entries },
        mark: { ...text, limit: nameWidth - 18 },
        encoding: { ...at(16), text: { field: 'strategy', type: 'nominal' } },
      },
      ...levels.flatMap((e, column): Spec[] => {
        const right = nameWidth + column * columnWidth + figureWidth;
        const values = entries.map(({ strategy, top }) => ({ top, ...figures(markOf(strategy, e)) }));
        return [
          {
            data: { values: [{ top: 0, head: `METG ${percent(e)}` }] },
            mark: { ...text, align: 'right', fontWeight: 'bold' },
            encoding: { ...at(right), text: { field: 'head', type: 'nominal' } },
          },
          {
            data: { values },
            mark: { ...text, align: 'right' },
            encoding: { ...at(right), text: { field: 'value', type: 'nominal' } },
          },
          {
            data: { values },
            mark: { ...text, fontSize: 10, color: referenceColour },
            encoding: { ...at(right + 6), text: { field: 'interval', type: 'nominal' } },
          },
        ];
      }),
    ],
  };
}

/**
 * The key's columns have these widths, px: the name with its symbol, then a figure and its interval for each
 * level.
 */
const maxNameWidth = 180;
const figureWidth = 84;
const columnWidth = 140;

/**
 * Formats a value and its interval with two digits, because intervals are seldom narrower. Both have one
 * unit.
 */
function figures(mark: MetgMark | undefined): { value: string; interval: string } {
  const {
    metg_us: metg,
    metg_us_lower: low,
    metg_us_upper: high,
  } = mark ?? { metg_us: null, metg_us_lower: null, metg_us_upper: null };
  if (metg === null)
    return { value: high !== null ? `≤ ${time(high)}` : low !== null ? `> ${time(low)}` : '–', interval: '' };
  const { factor } = unitOf(metg);
  const ends = [low, high].map((end) => (end === null ? '' : twoDigits(end / factor)));
  if (low === null || high === null)
    return {
      value: time(metg),
      interval: low === high ? '' : low === null ? `≤ ${ends[1]}` : `≥ ${ends[0]}`,
    };
  return { value: time(metg), interval: ends.join('–') };
}

function time(us: number): string {
  const { factor, name } = unitOf(us);
  return `${twoDigits(us / factor)} ${name}`;
}

/** Chooses the unit for the rounded value, so that 999 µs are printed as 1 ms. */
function unitOf(us: number): { factor: number; name: string } {
  const rounded = Number(us.toPrecision(2));
  if (rounded < 1e3) return { factor: 1, name: 'µs' };
  return rounded < 1e6 ? { factor: 1e3, name: 'ms' } : { factor: 1e6, name: 's' };
}

function twoDigits(value: number): string {
  return number(Number(value.toPrecision(2)));
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
