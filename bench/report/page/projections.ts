import type { ProjectionRow } from '../../tables/scaling-columns.js';
import type { Findings } from '../../verdict/findings.js';
import { shortNamer } from '../../words/configuration.js';
import { counted, number, whole } from '../../words/units.js';
import { type Child, type Html, html } from './html.js';
import { scrolling } from './table.js';

/** How long many documents take with the suggested configurations, by what was measured. */
export function projectionSection(found: Findings): Child {
  const measured = found.projections.filter(({ model }) => model === 'measured');
  const [asked] = measured;
  if (asked === undefined) return null;
  const hours = counted(asked.deadline_hours, 'hour');
  const cores = `${number(found.environment.cores.effective)} effective cores`;
  const table = html`<table><thead><tr><th>workload</th><th>documents</th><th>strategy</th>
<th class="number">documents/s</th><th class="number">hours</th><th class="number">machines</th></tr></thead>
<tbody>
${measured.map((row) => projectionLine(row, found))}</tbody></table>`;
  return html`<p>${whole(asked.documents)} documents of one kind. Start-up is not counted.
The last column counts machines like this one (${cores}) that finish them in ${hours}.
The range of a new run is in brackets (95 % prediction intervals).</p>
${scrolling(table)}
<p class="muted">Machines are assumed to be independent: each has its part of the documents, and its own
service.
projections.csv has other numbers of workers, as far as a model may go.</p>`;
}

function projectionLine(row: ProjectionRow, { strategies, summaries }: Findings): Html {
  const range = (low: number, high: number) =>
    html` <span class="muted">[${number(low)}–${number(high)}]</span>`;
  const figure = (value: number, low: number, high: number) =>
    html`<td class="number">${number(value)}${range(low, high)}</td>`;
  const name = shortNamer(strategies, summaries)(row);
  return html`<tr><td>${row.workload}</td><td>${row.corpus}</td><td><code>${name}</code></td>
${figure(row.documents_per_second, row.documents_per_second_low, row.documents_per_second_high)}
${figure(row.hours, row.hours_low, row.hours_high)}
${figure(row.machines, row.machines_low, row.machines_high)}</tr>
`;
}
