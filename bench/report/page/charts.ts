import type { ChartData } from '../../../plots/chart.js';
import { looksOf } from '../../../plots/looks.js';
import { seriesName } from '../../tables/series.js';
import type { Findings } from '../../verdict/findings.js';
import { number } from '../../words/units.js';
import { type Figure, type FigureTable, figureTable } from '../figure.js';
import { type Html, html, jsonScript, trusted } from './html.js';
import { capitalised, scrolling } from './table.js';

export interface FigureOptions {
  /** The rows that the charts were drawn from. */
  readonly data: ChartData;
  /** True where the page has the scripts that make charts answer to the mouse. */
  readonly interactive: boolean;
}

/** A chart with its question, its caption, its data as a table, and its specification to download. */
export function figureMarkup(
  { chart, caption, svg, spec }: Figure,
  { data, interactive }: FigureOptions,
): Html {
  const drawing = trusted(embedded(svg, chart.name, caption));
  const download = html`<a href="plots/${chart.name}.vl.json" download>Vega-Lite specification</a>`;
  return html`<figure id="${chart.name}"><h3>${chart.question}</h3>
${caption === null ? null : html`<figcaption>${begun(caption, data)}.</figcaption>`}
<div class="chart" data-chart="${chart.name}">${drawing}</div>
${dataTable(figureTable(chart, data))}
<p class="download meta">${download}</p>
${interactive ? jsonScript(`spec-${chart.name}`, spec) : null}</figure>
`;
}

/**
 * Boxes that show and hide a strategy in all charts. They stay hidden until the script can answer to them.
 */
export function chartLegend({ summaries }: Findings, interactive: boolean): Html | null {
  const looks = looksOf([...new Set(summaries.map((row) => seriesName(row, summaries)))]);
  if (!interactive || looks.size < 2) return null;
  const boxes = [...looks].map(([name, { colour }]) => {
    const dot = html`<circle cx="6" cy="6" r="5" fill="${colour}"/>`;
    const symbol = html`<svg class="symbol" width="12" height="12" aria-hidden="true">${dot}</svg>`;
    return html`<label><input type="checkbox" checked value="${name}">${symbol}${name}</label>`;
  });
  return html`<fieldset class="legend" hidden>${boxes}</fieldset>`;
}

/** The caption begins with a capital letter, unless it begins with the name of a workload. */
function begun(caption: string, { summaries }: ChartData): string {
  const isName = summaries.some(({ workload }) => caption.startsWith(`${workload}:`));
  return isName ? caption : capitalised(caption);
}

/** An SVG shares the page with others, so its ids are made unique. Its caption becomes its description. */
function embedded(svg: string, name: string, caption: string | null): string {
  const own = svg.replaceAll(/(id="|url\(#|href="#)/g, `$1${name}-`);
  if (caption === null) return own;
  const description = html`<desc id="${name}-desc">${caption}</desc>`.markup;
  return own
    .replace('<svg role="img"', `<svg role="img" aria-labelledby="${name}-title ${name}-desc"`)
    .replace('<title>', `<title id="${name}-title">`)
    .replace('</title>', `</title>${description}`);
}

function dataTable({ columns, rows, more }: FigureTable): Html | null {
  if (rows.length === 0) return null;
  const head = columns.map((name) => html`<th>${name}</th>`);
  const body = rows.map(
    (row) => html`<tr>${columns.map((name) => dataCell(row[name]))}</tr>
`,
  );
  const table = html`<table><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table>`;
  const rest = more > 0 ? html`<p>and ${more} rows more in the file</p>` : null;
  return html`<details><summary>the data as a table</summary>${scrolling(table)}${rest}</details>`;
}

function dataCell(value: unknown): Html {
  if (typeof value !== 'number')
    return html`<td>${value === null || value === undefined ? '' : String(value)}</td>`;
  return html`<td class="number"><data value="${value}">${number(value)}</data></td>`;
}
