import type { Spec } from './chart.js';
import { referenceColour } from './style.js';

/** Height of a label, px. */
export const lineHeight = 14;

/** A point of a strategy's line. */
export interface LinePoint {
  readonly strategy: string;
  readonly x: number;
  /** Above 0; null for a gap. */
  readonly value: number | null;
}

export interface Place {
  /** Encoding of the lines: `x`, logarithmic `y`, `color` and `shape`. */
  readonly channels: { readonly x: Spec; readonly y: Spec; readonly color: Spec; readonly shape: Spec };
  /** Of the panel, px; a height of at least a line for each label. */
  readonly size: { readonly width: number; readonly height: number };
  /** Ends of the y axis. */
  readonly domain: readonly [number, number];
}

/**
 * A layer with each strategy's symbol and name right of the panel, joined to its last point by a thin rule: names keep their
 * distance where lines do not.
 */
export function endLabels(
  points: readonly LinePoint[],
  { channels, size: { width, height }, domain: [bottom, top] }: Place,
): Spec {
  const { x, y, color, shape } = channels;
  const ends = lastPoints(points).toSorted((a, b) => b.value - a.value);
  const pixels = height / Math.log(top / bottom);
  const wanted = ends.map(({ value }) => pixels * Math.log(top / value));
  const places = apart(wanted, height);
  const values = ends.map((end, i) => ({ ...end, place: top * Math.exp(-(places[i] as number) / pixels) }));
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
        mark: { type: 'text', align: 'left', baseline: 'middle', fontSize: 11, limit: 150 },
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

/** Lines of text one below the other, px. */
interface Block {
  readonly top: number;
  readonly lines: number;
}

/**
 * Places from top to bottom, px, moved to be a line's height apart and within the panel. Those too near to each other form a block
 * about the mean of where they want to be: nearly the least squared displacement (isotonic regression by pooling neighbours).
 *
 * @param places rising, in a panel high enough for all of them
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
