import { fileURLToPath } from 'node:url';

const fonts = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
  fileURLToPath(new URL(`../../plots/fonts/${name}`, import.meta.url)),
);

/**
 * Renders a chart's SVG as a PNG of twice its size. The fonts are part of the package, because a server may
 * have none and would drop all text.
 */
export async function renderPng(svg: string): Promise<Buffer> {
  const { Resvg } = await import('@resvg/resvg-js');
  const font = { fontFiles: fonts, loadSystemFonts: false, defaultFontFamily: 'DejaVu Sans' };
  return new Resvg(svg, { fitTo: { mode: 'zoom', value: 2 }, font }).render().asPng();
}
