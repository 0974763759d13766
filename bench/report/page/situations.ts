import { groupBy } from '../../stats/group-by.js';
import type { SituationRow } from '../../tables/situation-columns.js';
import type { Findings } from '../../verdict/findings.js';
import { shortNamer } from '../../words/configuration.js';
import { listed, megabytes, number, ratio } from '../../words/units.js';
import { type Child, type Html, html } from './html.js';
import { scrolling } from './table.js';

/** A table per workload: a row per situation, a column per corpus, and below it what is ruled out and why. */
export function situationSection(found: Findings): Html[] {
  return [...groupBy(found.situations, ({ workload }) => workload)].map(([workload, rows]) => {
    const corpora = [...new Set(rows.map(({ corpus }) => corpus))];
    const lines = [...groupBy(rows, ({ situation }) => situation)].map(
      ([situation, cells]) => html`<tr><th>${situation}</th>${cells.map(
        (cell) => html`<td>${situationCell(cell, found)}</td>`,
      )}</tr>
`,
    );
    const head = corpora.map((corpus) => html`<th>${corpus}</th>`);
    return html`<h3>${workload}</h3>${scrolling(
      html`<table><thead><tr><th>situation</th>${head}</tr></thead><tbody>
${lines}</tbody></table>`,
    )}
${ruledOut(rows)}`;
  });
}

function situationCell(row: SituationRow, { strategies, summaries }: Findings): Child {
  const { strategy, delivery, workers, per_worker, speedup } = row;
  if (strategy === null || delivery === null || workers === null)
    return 'no measured configuration qualifies';
  const name = shortNamer(strategies, summaries)({ strategy, delivery, workers, per_worker });
  const figures = [speedup === null ? null : ratio(speedup), figureOf(row)].filter(
    (figure) => figure !== null,
  );
  return html`<code>${name}</code><br><span class="muted">${figures.join(', ')}</span>`;
}

/** The figure that the situation is about; it is shown beside the speed-up. */
function figureOf({
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

/** Takes a list of names apart; the part of a name in brackets has spaces as well. */
function seriesNames(text: string): string[] {
  return text.match(/[^ ]+(?: \([^)]*\))?/g) ?? [];
}

/** The strategies that a situation rules out at every size, and the reason. */
function ruledOut(rows: readonly SituationRow[]): Html | null {
  const lines = [...groupBy(rows, ({ situation }) => situation)].flatMap(([situation, cells]) => {
    const [first = [], ...others] = cells.map(({ ruled_out }) => seriesNames(ruled_out ?? ''));
    const everywhere = first.filter((name) => others.every((names) => names.includes(name)));
    if (everywhere.length === 0) return [];
    const reason = cells[0]?.reason ?? '';
    return [html`<li>${situation}: ruled out, since ${reason}: ${listed(everywhere)}.</li>`];
  });
  return lines.length === 0 ? null : html`<ul class="hints muted">${lines}</ul>`;
}
