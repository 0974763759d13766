import type { Spec } from './chart.js';
import { config, type Look, legendColumns } from './style.js';

export interface PictureOptions {
  readonly question: string;
  /** What a run lacks that has nothing to draw: "no trial was valid". */
  readonly missing: string;
}

/**
 * A whole specification. It has no title: the page, or who shows it, gives one, and a screen reader gets the question.
 * @param body the views; null where there is nothing to draw, which the picture then says
 */
export function picture(body: Spec | null, { question, missing }: PictureOptions): Spec {
  const top = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', description: question, config };
  const nothing = {
    data: { values: [{}] },
    mark: { type: 'text', text: `no data: ${missing}`, fontSize: 13 },
    width: 480,
    height: 60,
  };
  return { ...top, ...(body ?? nothing) };
}

/** The configuration of a chart with a legend over so many pixels. */
export function withLegend(looks: ReadonlyMap<string, Look>, width: number): Spec {
  return { ...config, legend: { ...config.legend, columns: legendColumns([...looks.keys()], width) } };
}

export function unique<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}
