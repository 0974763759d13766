import type { Spec } from './chart.js';
import { referenceColour } from './style.js';

/** A label is this high, px. */
export const lineHeight = 14;

/** A strategy's line is made of these points. */
export interface LinePoint {
  readonly strategy: string;
  readonly x: number;
  /** The value is above 0, or null for a gap. */
  readonly value: number | null;
}

export interface Place {
  /** How the lines are encoded: `x`, logarithmic `y`, `color` and `shape`. */
  readonly channels: { readonly x: Spec; readonly y: Spec; readonly color: Spec; readonly shape: Spec };
  /** The panel's size, px. It must be high enough for one line per label. */
  readonly size: { readonly width: number; readonly height: number };
  /** The y axis reaches from the first to the second value. */
  readonly domain: readonly [number, number];
  /** Names are cut at this width, px. Absent: 150. */
  readonly nameWidth?: number;
}

/**
 * Draws each strategy's symbol and name to the right of the panel and joins it to the strategy's last point
 * by a thin rule. Names keep their distance where lines do not.
 */
export function endLabels(
  points: readonly LinePoint[],
  { channels, size: { width, height }, domain: [bottom, top], nameWidth = 150 }: Place,
): Spec {
  const { x, y, color, shape } = channels;
  const ends = lastPoints(points).toSorted((a, b) => b.value - a.value);
  const pixels = height / Math.log(top / bottom);
  const wanted = ends.map(({ value }) => pixels * Math.log(top / value));
  const values = apart(wanted, height).flatMap((place, i) => {
    const end = ends[i];
    return end === undefined ? [] : [{ ...end, place: top * Math.exp(-place / pixels) }];
  });
  const place = { ...y, field: 'place' };
  return {
    data: { values },
    layer: [
      {
        mark: { type: 'rule', color: referenceColour, strokeWidth: 0.5 },
        encoding: { x, y, x2: { value: width + 14 }, y2: { field: 'place' } },
      },
      {
        mark: { type: 'point', filled: true, opacity: 1, size: 40 },
        encoding: { x: { value: width + 20 }, y: place, color, shape },
      },
      {
        mark: { type: 'text', align: 'left', baseline: 'middle', fontSize: 11, limit: nameWidth },
        encoding: { x: { value: width + 29 }, y: place, text: { field: 'strategy', type: 'nominal' } },
      },
    ],
  };
}

function lastPoints(points: readonly LinePoint[]): { strategy: string; x: number; value: number }[] {
  const last = new Map<string, { strategy: string; x: number; value: number }>();
  for (const { strategy, x, value } of points)
    if (value !== null && x >= (last.get(strategy)?.x ?? 0)) last.set(strategy, { strategy, x, value });
  return [...last.values()];
}

/** Lines of text directly below each other. `top` is in px. */
interface Block {
  readonly top: number;
  readonly lines: number;
}

/**
 * Moves places (px, top to bottom) until they are one line's height apart and within the panel. Places that
 * are too close form a block around the mean of their wanted places, which nearly minimises the squared
 * displacement (isotonic regression by pooling neighbours).
 *
 * @param places in rising order, in a panel that is high enough for all of them
 */
export function apart(places: readonly number[], height: number): number[] {
  const within = ({ top, lines }: Block) => ({
    top: Math.max(0, Math.min(top, height - (lines - 1) * lineHeight)),
    lines,
  });
  const blocks: Block[] = [];
  for (const place of places) {
    let block = within({ top: place, lines: 1 });
    for (
      let above = blocks.at(-1);
      above && above.top + above.lines * lineHeight > block.top;
      above = blocks.at(-1)
    ) {
      blocks.pop();
      const lines = above.lines + block.lines;
      const top = (above.lines * above.top + block.lines * (block.top - above.lines * lineHeight)) / lines;
      block = within({ top, lines });
    }
    blocks.push(block);
  }
  return blocks.flatMap(({ top, lines }) => Array.from({ length: lines }, (_, i) => top + i * lineHeight));
}
