import { groupBy, type NonEmpty } from '../../stats/group-by.js';
import type { Conclusion } from '../../verdict/conclude.js';
import type { Findings } from '../../verdict/findings.js';
import { adviceLegend, adviceSentences, adviceTable, hasAdvice } from '../../words/advice.js';
import { brokerPriceSentences } from '../../words/broker-price.js';
import { busyLine } from '../../words/busy.js';
import { fusedByWorkload } from '../../words/fused.js';
import { notMeasuredSentences } from '../../words/not-measured.js';
import { faultSentence } from '../faults.js';
import { type Child, type Html, html } from './html.js';
import { marked, tableOf } from './table.js';

/** Makes the first screen of the page: a table per workload, at most two sentences, and one chart. */
export function verdictSection(found: Findings, chart: Html | null): Child {
  const { environment, trials, strategies, conclusions, faults } = found;
  const missing = notMeasuredSentences(environment, { strategies, measured: trials });
  const unmeasured = missing.length === 0 ? null : html`<p>${marked(missing.join(' '))}</p>`;
  if (conclusions.length === 0)
    return [html`<p>No trial was valid: nothing is shown.</p>`, unmeasured, chart];
  const busy = busyLine(conclusions);
  const survivors = faultSentence(faults);
  return [
    busy === null ? null : html`<p class="warning">${busy}</p>`,
    [...groupBy(conclusions, ({ workload }) => workload).values()].map(verdict),
    hasAdvice(conclusions) ? html`<p class="muted">${adviceLegend(conclusions)}</p>` : null,
    unmeasured,
    survivors === null ? null : html`<p>${marked(survivors)}</p>`,
    chart,
  ];
}

function verdict(conclusions: NonEmpty<Conclusion>): Html {
  const [{ workload, kind }] = conclusions;
  const words = [...new Set(conclusions.map(({ confidence }) => confidence))];
  const sentences = [
    ...adviceSentences(conclusions),
    ...fusedByWorkload(conclusions),
    ...brokerPriceSentences(conclusions),
  ];
  const badges = words.map((word) => html`<span class="badge ${word}">${word}</span> `);
  return html`<div class="verdict"><h3>${workload} <span class="muted">(${kind})</span> ${badges}</h3>
${hasAdvice(conclusions) ? tableOf(adviceTable(conclusions)) : null}
${sentences.map((sentence) => html`<p>${marked(sentence)}</p>`)}</div>
`;
}
