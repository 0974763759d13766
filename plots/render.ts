import type { Spec } from './chart.js';
import { textWidth } from './text-width.js';

/**
 * Renders a chart as SVG text. The same specification always gives the same text. `warn` receives the
 * warnings of Vega-Lite and Vega. Vega is imported on first use, because only a report needs its 0.2 s and 30
 * MB.
 */
export async function renderSvg(spec: Spec, warn: (message: string) => void = () => {}): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  (vega as unknown as { textMetrics: TextMetrics }).textMetrics.width = measure;

  const logger = vega.logger(vega.Warn, undefined, (_method, _level, messages) => warn(messages.join(' ')));
  const compiled = vegaLite.compile(spec as unknown as Parameters<typeof vegaLite.compile>[0], { logger });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: 'none', logger });
  try {
    return labelled(slim(await view.toSVG()), String(spec.description ?? ''));
  } finally {
    view.finalize();
  }
}

/** A hook of Vega that its type definitions lack. A host without a canvas supplies text widths through it. */
interface TextMetrics {
  width: (item: TextItem, text: unknown) => number;
}

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
  /** Maximum width in pixels, where Vega cuts the text. */
  readonly limit?: number;
}

function measure(item: TextItem, text: unknown): number {
  const bold = item.fontWeight === 'bold' || Number(item.fontWeight) >= 600;
  const width = textWidth(text == null ? '' : String(text), { fontSize: item.fontSize ?? 11, bold });
  return item.limit !== undefined && item.limit > 0 ? Math.min(width, item.limit) : width;
}

/**
 * Adds a role and a title to the root. Vega gives it neither, and a screen reader would read out every tick.
 */
function labelled(svg: string, title: string): string {
  return svg.replace(
    /^<svg ([^>]*)>/,
    (_root, attributes) => `<svg role="img" ${attributes}><title>${escaped(title)}</title>`,
  );
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Attributes that say nothing, or that are for screen readers. */
const defaults =
  / (?:opacity="1"|aria-[a-z]+="[^"]*"|role="graphics-[a-z]+"|pointer-events="none"|stroke-miterlimit="4")/g;

/**
 * Halves the size of the text without changing the picture: coordinates are rounded to a hundredth of a
 * pixel, the font is named once, and labels for screen readers are dropped, because the root is one image.
 */
function slim(svg: string): string {
  const font = /font-family="[^"]*"/.exec(svg)?.[0];
  const tags = svg
    .replace(/<path class="(?:background|foreground)"[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*\/>/g, '')
    .replace(/<[^>]+>/g, (tag) =>
      tag
        .replace(defaults, '')
        .replace(/(?<= (?:transform|d|x|y|x1|x2|y1|y2)=")[^"]*/g, (value) =>
          value.replace(/-?\d+\.\d{3,}/g, (digits) => `${Number(Number(digits).toFixed(2))}`),
        )
        .replace(font ?? /$^/, ''),
    );
  return font === undefined ? tags : tags.replace('<svg ', `<svg ${font} `);
}
