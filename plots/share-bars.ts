import type { Spec } from './chart.js';

/** A part of every bar has this name in the legend. */
export interface BarPart {
  readonly name: string;
  readonly colour: string;
}

export interface ShareBar {
  readonly label: string;
  /** One share per part. Their sum is 1, or 0 where nothing is known. */
  readonly shares: readonly number[];
}

export interface ShareBarsOptions {
  /** The parts of a bar, left to right. */
  readonly parts: readonly BarPart[];
  readonly bars: readonly ShareBar[];
  /** The encoding of the field `label`. */
  readonly y: Spec;
}

/** Draws one bar per label, in which each part has its share of the whole width. */
export function shareBars({ parts, bars, y }: ShareBarsOptions): Spec {
  const values = bars.flatMap(({ label, shares }) => {
    let end = 0;
    return shares.map((share, i) => {
      const begin = end;
      end += share;
      return { label, part: parts[i]?.name, share, begin, end };
    });
  });
  return {
    data: { values },
    mark: { type: 'bar', height: { band: 0.7 } },
    encoding: {
      x: {
        field: 'begin',
        type: 'quantitative',
        title: null,
        scale: { domain: [0, 1], nice: false },
        axis: { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] },
      },
      x2: { field: 'end' },
      y,
      color: {
        field: 'part',
        type: 'nominal',
        scale: { domain: parts.map(({ name }) => name), range: parts.map(({ colour }) => colour) },
        legend: { orient: 'top', columns: 2, labelLimit: 320 },
      },
      tooltip: [
        { field: 'part', type: 'nominal' },
        { field: 'share', type: 'quantitative', format: '.1%' },
      ],
    },
  };
}
