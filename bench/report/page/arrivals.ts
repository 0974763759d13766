import type { Findings } from '../../verdict/findings.js';
import { arrivalLegend, arrivalTable, limitLegend, limitTable } from '../../words/arrivals.js';
import { type Child, html } from './html.js';
import { capitalised, tableOf } from './table.js';

/** The latencies of open loops, and the highest rates under a limit; null where none were measured. */
export function arrivalSection({ arrivals, limits, strategies }: Findings): Child {
  const parts: Child[] = [];
  if (arrivals.length > 0)
    parts.push(
      tableOf(arrivalTable(arrivals, strategies)),
      html`<p class="muted">${capitalised(arrivalLegend(arrivals))}.</p>`,
    );
  if (limits.length > 0)
    parts.push(
      tableOf(limitTable(limits, strategies)),
      html`<p class="muted">${capitalised(limitLegend)}.</p>`,
    );
  return parts.length === 0 ? null : parts;
}
