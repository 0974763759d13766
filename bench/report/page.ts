import type { ChartData } from '../../plots/chart.js';
import { looksOf } from '../../plots/looks.js';
import { groupBy } from '../stats/group-by.js';
import type { ProjectionRow } from '../tables/scaling-columns.js';
import { seriesName } from '../tables/series.js';
import type { HintRow, SituationRow } from '../tables/situation-columns.js';
import type { Conclusion } from '../verdict/conclude.js';
import { type Findings, memoryOf } from '../verdict/findings.js';
import { adviceSentences } from '../words/advice.js';
import { listed, megabytes, number, ratio } from '../words/units.js';
import { faultLegend, faultSentence, faultTable } from './faults.js';
import { type Figure, type FigureTable, figureTable } from './figure.js';
import { type Child, type Html, html, jsonScript, trusted } from './html.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';
import { bestTable, bestTableLegend } from './tables.js';

/** Vega as text, for charts that answer to the mouse. */
export interface Scripts {
  readonly vega: string;
  readonly vegaLite: string;
}

export interface PageOptions {
  readonly figures: readonly Figure[];
  /** What they were drawn from. */
  readonly data: ChartData;
  /** Null for still pictures. */
  readonly scripts: Scripts | null;
}

/**
 * `report.html`: everything a run has to say on one page that needs no other file, no network, and no script to be read.
 */
export function pageReport(found: Findings, { figures, data, scripts }: PageOptions): string {
  const { environment, conclusions } = found;
  const workloads = [...groupBy(conclusions, ({ workload }) => workload).values()];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${scripts === null ? "'none'" : "'unsafe-inline' 'unsafe-eval'"}">
<link rel="icon" href="data:,">
<title>forkwise run ${environment.run_id}</title>
<style>${trusted(pageStyle)}</style>
</head>
<body>
<header>
<h1>Which concurrency strategy should these documents run on?</h1>
<p class="meta">run ${environment.run_id} · ${environment.started_at.slice(0, 10)} · ${trialsInWords(found)}</p>
</header>
<main>
${section('verdict', 'Verdict', workloads.length === 0 ? html`<p>No trial was valid: nothing is shown.</p>` : [workloads.map((members) => verdict(members)), faultLine(found)])}
${section('situations', 'What to use where something else counts', situationTables(found))}
${section('summary', 'Every strategy', summaryTables(workloads))}
${section('faults', 'What each strategy survives', faultSection(found))}
${section('charts', 'Charts', [legend(found, scripts !== null), figures.map((figure) => figureOf(figure, data, scripts !== null))])}
${section('projections', 'What so many documents take', projectionTable(found))}
${section('hints', 'Hints', hintList(found.hints))}
${section('environment', 'Environment', environmentList(found))}
${section('method', 'Method and limits', method(found))}
</main>
${scripts === null ? null : html`<script>${trusted(scripts.vega)}</script><script>${trusted(scripts.vegaLite)}</script><script>${trusted(pageScript)}</script>`}
</body>
</html>
`;
  return page.markup;
}

function section(id: string, title: string, content: Child): Html | null {
  const empty = content === null || (Array.isArray(content) && content.length === 0);
  return empty ? null : html`<section id="${id}"><h2>${title}</h2>${content}</section>`;
}

function trialsInWords({ trials, complete }: Findings): string {
  const rounds = new Set(trials.map(({ round }) => round)).size;
  const words = `${trials.length} trials in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  return complete ? words : `${words}, interrupted`;
}

function verdict(conclusions: readonly Conclusion[]): Html {
  const { workload, kind } = conclusions[0] as Conclusion;
  const badges = [...new Set(conclusions.map(({ confidence }) => confidence))];
  return html`<div class="verdict"><h3>${workload} <span class="muted">(${kind})</span> ${badges.map((word) => html`<span class="badge ${word}">${word}</span> `)}</h3>
${adviceSentences(conclusions).map((sentence) => html`<p>${marked(sentence)}</p>`)}</div>
`;
}

function faultLine({ faults }: Findings): Html | null {
  const sentence = faultSentence(faults);
  return sentence === null ? null : html`<p>${marked(sentence)}</p>`;
}

function faultSection({ faults }: Findings): Child {
  if (faults.length === 0) return null;
  const { header, groups } = faultTable(faults);
  return html`<div class="scroll"><table class="nowrap"><thead><tr>${header.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>
${groups.flat().map(
  (
    row,
  ) => html`<tr>${row.map((cell, i) => (i === 0 ? html`<th>${cell}</th>` : html`<td class="${cell === 'caller lost' ? 'warning' : ''}">${cell}</td>`))}</tr>
`,
)}</tbody></table></div><p class="muted">${faultLegend}</p>`;
}

/** What stands between backticks is a name. */
function marked(sentence: string): Child[] {
  return sentence.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`));
}

/** A table a workload: a row a situation, a column a corpus. */
function situationTables({ situations, summaries }: Findings): Html[] {
  return [...groupBy(situations, ({ workload }) => workload)].map(([workload, rows]) => {
    const corpora = [...new Set(rows.map(({ corpus }) => corpus))];
    const lines = [...groupBy(rows, ({ situation }) => situation)];
    return html`<h3>${workload}</h3><div class="scroll"><table><thead><tr><th>situation</th>${corpora.map((corpus) => html`<th>${corpus}</th>`)}</tr></thead><tbody>
${lines.map(
  ([
    situation,
    cells,
  ]) => html`<tr><th>${situation}</th>${cells.map((cell) => html`<td>${situationCell(cell, summaries)}</td>`)}</tr>
`,
)}</tbody></table></div>
${ruledOut(rows)}`;
  });
}

function situationCell(
  row: SituationRow,
  cells: readonly { readonly strategy: string; readonly delivery: string }[],
): Child {
  if (row.strategy === null || row.delivery === null) return 'none of those measured';
  const name = seriesName({ strategy: row.strategy, delivery: row.delivery }, cells);
  const figures = [row.speedup === null ? null : ratio(row.speedup), figureOfSituation(row)].filter(
    (figure) => figure !== null,
  );
  return html`<code>${name}</code>${row.strategy === 'sequential' ? null : ` × ${row.workers}`}<br><span class="muted">${figures.join(', ')}</span>`;
}

/** What the situation is about, beside the speed-up. */
function figureOfSituation({
  situation,
  latency_p99_ms,
  event_loop_utilization,
  memory_bytes,
}: SituationRow): string | null {
  if (situation === 'latency') return latency_p99_ms === null ? null : `p99 ${number(latency_p99_ms)} ms`;
  if (situation === 'beside a server')
    return event_loop_utilization === null
      ? null
      : `event loop ${number(100 * event_loop_utilization)} % busy`;
  return situation === 'little memory' && memory_bytes !== null ? megabytes(memory_bytes) : null;
}

/** Who is out of a situation everywhere, and why. */
function ruledOut(rows: readonly SituationRow[]): Html | null {
  const lines = [...groupBy(rows, ({ situation }) => situation)].flatMap(([situation, cells]) => {
    const everywhere = (cells[0]?.ruled_out?.split(' ') ?? []).filter((name) =>
      cells.every(({ ruled_out }) => ruled_out?.split(' ').includes(name)),
    );
    return everywhere.length === 0
      ? []
      : [
          html`<li>${situation}: ${listed(everywhere)} ${everywhere.length === 1 ? 'is' : 'are'} ruled out, since ${cells[0]?.reason ?? ''}.</li>`,
        ];
  });
  return lines.length === 0 ? null : html`<ul class="hints muted">${lines}</ul>`;
}

/** Every strategy at its best number of workers, without the columns in which nothing differs. */
function summaryTables(workloads: readonly (readonly Conclusion[])[]): Child {
  if (workloads.length === 0) return null;
  const tables = workloads.map((members) => {
    const { header, numbersFrom, groups } = bestTable(members);
    const rows = groups.flat();
    const shown = header.map(
      (_, column) =>
        new Set(rows.map((row) => row[column])).size > 1 || (rows.length === 1 && rows[0]?.[column] !== ''),
    );
    const visible = <Item>(cells: readonly Item[]) => cells.filter((_, column) => shown[column]);
    const kind = (column: number) => (column < numbersFrom ? '' : 'number');
    return html`<h3>${members[0]?.workload ?? ''}</h3><div class="scroll"><table class="nowrap"><thead><tr>${visible(header.map((name, column) => html`<th class="${kind(column)}">${name}</th>`))}</tr></thead><tbody>
${groups.map((group, g) =>
  group.map(
    (
      row,
      r,
    ) => html`<tr class="${[g > 0 && r === 0 ? 'group' : '', row[0] === '→' ? 'choice' : ''].join(' ').trim()}">${visible(row.map((cell, column) => html`<td class="${kind(column)}">${cell}</td>`))}</tr>
`,
  ),
)}</tbody></table></div>`;
  });
  return [tables, html`<p class="muted">${bestTableLegend}</p>`];
}

/** Hidden until a script can answer to it. */
function legend({ summaries }: Findings, interactive: boolean): Html | null {
  const looks = looksOf([...new Set(summaries.map((row) => seriesName(row, summaries)))]);
  if (!interactive || looks.size < 2) return null;
  return html`<fieldset class="legend" hidden>${[...looks].map(
    ([name, { colour }]) =>
      html`<label><input type="checkbox" checked value="${name}"><svg class="symbol" width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" r="5" fill="${colour}"/></svg>${name}</label>`,
  )}</fieldset>`;
}

function figureOf({ chart, caption, svg, spec }: Figure, data: ChartData, interactive: boolean): Html {
  return html`<figure id="${chart.name}"><h3>${chart.question}</h3>
${caption === null ? null : html`<figcaption>${begun(caption, data)}.</figcaption>`}
<div class="chart" data-chart="${chart.name}">${trusted(embedded(svg, chart.name, caption))}</div>
${dataTable(figureTable(chart, data))}
<p class="download meta"><a href="plots/${chart.name}.vl.json" download>Vega-Lite specification</a></p>
${interactive ? jsonScript(`spec-${chart.name}`, spec) : null}</figure>
`;
}

/** With a capital letter, unless it begins with a name. */
function begun(caption: string, { summaries }: ChartData): string {
  const name = summaries.some(({ workload }) => caption.startsWith(`${workload}:`));
  return name ? caption : capitalised(caption);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** An SVG among others on a page: its names are made its own, and it is described by its caption. */
function embedded(svg: string, name: string, caption: string | null): string {
  const own = svg.replaceAll(/(id="|url\(#|href="#)/g, `$1${name}-`);
  if (caption === null) return own;
  return own
    .replace('<svg role="img"', `<svg role="img" aria-labelledby="${name}-title ${name}-desc"`)
    .replace('<title>', `<title id="${name}-title">`)
    .replace('</title>', `</title>${html`<desc id="${name}-desc">${caption}</desc>`.markup}`);
}

function dataTable({ columns, rows, more }: FigureTable): Html | null {
  if (rows.length === 0) return null;
  return html`<details><summary>the data as a table</summary><div class="scroll"><table><thead><tr>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>
${rows.map(
  (row) => html`<tr>${columns.map((name) => dataCell(row[name]))}</tr>
`,
)}</tbody></table></div>${more > 0 ? html`<p>and ${more} rows more in the file</p>` : null}</details>`;
}

function dataCell(value: unknown): Html {
  if (typeof value !== 'number')
    return html`<td>${value === null || value === undefined ? '' : String(value)}</td>`;
  return html`<td class="number"><data value="${value}">${number(value)}</data></td>`;
}

function projectionTable({ projections, environment }: Findings): Child {
  const measured = projections.filter(({ model }) => model === 'measured');
  const [asked] = measured;
  if (asked === undefined) return null;
  return html`<p>${asked.documents.toLocaleString('en-US')} documents of one kind, start-up not counted; machines like this one (${number(environment.cores.effective)} effective cores), so that all are done in ${number(asked.deadline_hours)} ${asked.deadline_hours === 1 ? 'hour' : 'hours'}. In brackets where a new run would lie (95 % prediction intervals).</p>
<div class="scroll"><table><thead><tr><th>workload</th><th>documents</th><th>strategy</th><th class="number">documents/s</th><th class="number">hours</th><th class="number">machines</th></tr></thead><tbody>
${measured.map(projectionLine)}</tbody></table></div>
<p class="muted">Machines count as independent: each has its part of the documents, and of what they wait for. projections.csv has other numbers of workers, as far as a model may go.</p>`;
}

function projectionLine(row: ProjectionRow): Html {
  const span = (low: number, high: number) =>
    html` <span class="muted">[${number(low)}–${number(high)}]</span>`;
  return html`<tr><td>${row.workload}</td><td>${row.corpus}</td><td><code>${row.strategy}</code>${row.strategy === 'sequential' ? null : ` × ${row.workers}`}</td>
<td class="number">${number(row.documents_per_second)}${span(row.documents_per_second_low, row.documents_per_second_high)}</td><td class="number">${number(row.hours)}${span(row.hours_low, row.hours_high)}</td><td class="number">${number(row.machines)}${span(row.machines_low, row.machines_high)}</td></tr>
`;
}

function hintList(hints: readonly HintRow[]): Html | null {
  if (hints.length === 0) return null;
  return html`<ul class="hints">${hints.map(
    ({
      id,
      level,
      text,
      remedy,
    }) => html`<li id="hint-${id}"><code class="${level}">${id}</code> ${capitalised(text)}. <span class="muted">${capitalised(remedy)}.</span></li>
`,
  )}</ul>`;
}

function environmentList({ environment }: Findings): Html {
  const { node, machine, cores, libraries, commit, corpora, seed, profile, forkwise } = environment;
  const lines: [string, string][] = [
    ['Node', `${node.version} (V8 ${node.v8}, libuv ${node.libuv})`],
    ['CPU', machine.cpu_model ?? 'unknown'],
    [
      'cores',
      `${number(cores.effective)} effective; ${cores.available} available, ${cores.host} of the host${cores.quota === null ? '' : `, quota ${number(cores.quota)}`}`,
    ],
    ['memory', megabytes(memoryOf(environment))],
    ['system', [machine.os, machine.kernel, machine.arch].filter((part) => part !== null).join(', ')],
    [
      'forkwise',
      commit === null
        ? forkwise
        : `${forkwise}, commit ${commit.hash.slice(0, 7)}${commit.dirty ? ' and changes' : ''}`,
    ],
    [
      'libraries',
      Object.entries(libraries)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['profile', `${profile}, seed ${seed}`],
    ...corpora.map(({ workload, corpus, sha256 }): [string, string] => [
      `documents of ${workload}, ${corpus}`,
      `SHA-256 ${sha256.slice(0, 16)}…`,
    ]),
  ];
  return html`<div class="scroll"><table><tbody>${lines.map(
    ([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>
`,
  )}</tbody></table></div>`;
}

function method({ environment }: Findings): Html {
  const { claims, command } = environment;
  const tests = {
    nothing: 'This profile claims nothing: it shows that everything works.',
    suggests: 'This profile rests on intervals alone and at most suggests.',
    verdicts:
      'A difference counts when its adjusted p (Holm) is below 0.05 and its interval lies beyond the margin.',
  }[claims];
  return html`<p>A trial is a fresh process that measures one strategy at one number of workers on one set of documents. A round runs every such cell once in random order; ratios are paired within a round. Intervals are 95 % t intervals on logarithms over rounds. ${tests} Of what ties the simplest is suggested: fewer kinds of isolation, then fewer workers, then less memory.</p>
<p>CPU time and context switches are those of the whole process tree; memory counts pages that processes share once. Latency is a document's time from being pulled until its outcome was emitted, at full load: it is not that of a server at half load. The results of every pass were compared with those of a sequential run.</p>
<p>This run speaks of this machine, this Node, these documents and this task. It says nothing of others.</p>
<p>Repeat it:</p><pre>${command}</pre>
<p>The files beside this page hold every trial and every figure: trials.csv, summary.csv, comparisons.csv, winners.csv, crossovers.csv, situations.csv, scaling.csv, projections.csv, hints.csv, environment.json.</p>`;
}
