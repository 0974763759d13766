import type { Spec } from './chart.js';
import type { Look } from './looks.js';
import { config, legendColumns } from './style.js';

export interface PictureOptions {
  readonly question: string;
  /** Why there may be nothing to draw: "no trial was valid". */
  readonly missing: string;
}

/**
 * A whole specification. It has no title, because the page puts the question above it; screen readers get the
 * question as the description.
 *
 * @param body the views; null draws the text "no data" with the reason
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

/** The configuration of a chart whose legend may be this many pixels wide. */
export function withLegend(looks: ReadonlyMap<string, Look>, width: number): Spec {
  return { ...config, legend: { ...config.legend, columns: legendColumns([...looks.keys()], width) } };
}

/** Makes the small title above a panel of small multiples. */
export function panelTitle(text: string, width: number): Spec {
  return { text, fontSize: 11, fontWeight: 'normal', frame: 'group', limit: width, offset: 4 };
}

/** Lists the names of the corpora, smallest documents first. */
export function corporaBySize(
  rows: readonly { readonly corpus: string; readonly document_bytes: number }[],
): string[] {
  return unique(rows.toSorted((a, b) => a.document_bytes - b.document_bytes).map(({ corpus }) => corpus));
}

export function unique<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}
