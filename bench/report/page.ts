import type { ChartData } from '../../plots/chart.js';
import { groupBy } from '../stats/group-by.js';
import type { HintRow } from '../tables/situation-columns.js';
import type { Findings } from '../verdict/findings.js';
import { counted } from '../words/units.js';
import { faultLegend, matrixTable } from './faults.js';
import type { Figure } from './figure.js';
import { arrivalSection } from './page/arrivals.js';
import { chartLegend, figureMarkup } from './page/charts.js';
import { environmentSection } from './page/environment.js';
import { type Child, type Html, html, trusted } from './page/html.js';
import { methodSection } from './page/method.js';
import { projectionSection } from './page/projections.js';
import { pageScript } from './page/script.js';
import { situationSection } from './page/situations.js';
import { pageStyle } from './page/style.js';
import { capitalised, scrolling, tableOfDifferences } from './page/table.js';
import { verdictSection } from './page/verdict.js';
import { bestTable, bestTableLegend } from './tables.js';

/** The text of Vega, which makes charts answer to the mouse. */
export interface Scripts {
  readonly vega: string;
  readonly vegaLite: string;
}

export interface PageOptions {
  /** In the order of the list of charts. The first one is shown on the first screen. */
  readonly figures: readonly Figure[];
  /** The rows that the charts were drawn from. */
  readonly data: ChartData;
  /** Null makes the charts still pictures. */
  readonly scripts: Scripts | null;
}

/** Makes `report.html`: one page that needs no other file, no network, and no script to be read. */
export function pageReport(found: Findings, { figures, data, scripts }: PageOptions): string {
  const { environment } = found;
  const interactive = scripts !== null;
  const texts = scripts === null ? [] : [scripts.vega, scripts.vegaLite, pageScript];
  const [first, ...others] = figures.map((figure) => figureMarkup(figure, { data, interactive }));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy(interactive)}">
<link rel="icon" href="data:,">
<title>forkwise run ${environment.run_id}</title>
<style>${trusted(pageStyle)}</style>
</head>
<body>
<header>
<h1>Which concurrency strategy should these documents run on?</h1>
<p class="meta">run ${environment.run_id} · ${environment.started_at.slice(0, 10)} · ${trialsText(found)}</p>
</header>
<main>
${section('verdict', 'Verdict', verdictSection(found, first ?? null))}
${section('situations', 'What to use where something else counts', situationSection(found))}
${section('summary', 'Every strategy', summarySection(found))}
${section('arrivals', 'When documents come at a given rate', arrivalSection(found))}
${section('faults', 'What each strategy survives', faultSection(found))}
${section('charts', 'Charts', [chartLegend(found, interactive), others])}
${section('projections', 'How long many documents take', projectionSection(found))}
${section('hints', 'Hints', hintSection(found.hints))}
${section('environment', 'Environment', environmentSection(found))}
${section('method', 'Method and limits', methodSection(found))}
</main>
${texts.map((text) => html`<script>${trusted(text)}</script>`)}
</body>
</html>
`;
  return page.markup;
}

/** The page may load nothing. Vega compiles expressions, which needs `unsafe-eval`. */
function policy(interactive: boolean): string {
  const scripts = interactive ? "'unsafe-inline' 'unsafe-eval'" : "'none'";
  return `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${scripts}`;
}

function section(id: string, title: string, content: Child): Html | null {
  const empty = content === null || (Array.isArray(content) && content.length === 0);
  return empty ? null : html`<section id="${id}"><h2>${title}</h2>${content}</section>`;
}

function trialsText({ trials, ending }: Findings): string {
  const rounds = new Set(trials.map(({ round }) => round)).size;
  const words = `${counted(trials.length, 'trial')} in ${counted(rounds, 'round')}`;
  if (ending === 'complete') return words;
  return `${words}, ${ending === 'between rounds' ? 'fewer than asked for' : 'interrupted'}`;
}

/** Shows every strategy at its best number of workers, a table per workload. */
function summarySection({ conclusions }: Findings): Child {
  if (conclusions.length === 0) return null;
  const tables = [...groupBy(conclusions, ({ workload }) => workload)].map(
    ([workload, members]) => html`<h3>${workload}</h3>${tableOfDifferences(bestTable(members))}`,
  );
  return [tables, html`<p class="muted">${bestTableLegend(conclusions)}</p>`];
}

function faultSection({ faults }: Findings): Child {
  if (faults.length === 0) return null;
  const { header, groups } = matrixTable(faults);
  const lines = groups.flat().map(([name = '', ...cells]) => {
    const outcomes = cells.map(
      (cell) => html`<td class="${cell === 'caller lost' ? 'warning' : ''}">${cell}</td>`,
    );
    return html`<tr><th>${name}</th>${outcomes}</tr>
`;
  });
  const head = header.map((name) => html`<th>${name}</th>`);
  const table = html`<table class="nowrap"><thead><tr>${head}</tr></thead><tbody>
${lines}</tbody></table>`;
  return [scrolling(table), html`<p class="muted">${faultLegend}</p>`];
}

function hintSection(hints: readonly HintRow[]): Html | null {
  if (hints.length === 0) return null;
  const lines = hints.map(({ id, level, text, remedy }) => {
    const name = html`<code class="${level}">${id}</code>`;
    const todo = html`<span class="muted">${capitalised(remedy)}.</span>`;
    return html`<li id="hint-${id}">${name} ${capitalised(text)}. ${todo}</li>
`;
  });
  return html`<ul class="hints">${lines}</ul>`;
}
