import { charts } from '../../plots/index.js';
import { renderSvg } from '../../plots/render.js';
import type { Environment } from '../measure/environment.js';
import { markdownReport } from '../report/markdown.js';
import { type SummaryRow, summaryColumns, type TrialRow } from '../results/columns.js';
import type { Store } from '../results/store.js';
import { summarise } from '../results/summarise.js';
import { encodeHeader, encodeRows } from '../results/table.js';
import { type Conclusion, conclude } from '../verdict/conclude.js';

export interface Published {
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly conclusions: readonly Conclusion[];
}

export interface PublishOptions {
  readonly environment: Environment;
  /** All strategies in the order of tables and legends, with what isolates their tasks. */
  readonly strategies: readonly { readonly name: string; readonly isolation: 'none' | 'thread' | 'process' }[];
  readonly complete: boolean;
}

/** What a run's trials come to, computed from them and the environment alone. */
export function derive(trials: readonly TrialRow[], { environment, strategies }: Omit<PublishOptions, 'complete'>): Published {
  const { corpora, cores } = environment;
  const cells = trials.filter(({ twin }) => twin === null);
  const summaries = summarise(cells, { effectiveCores: cores.effective, corpora, strategies: strategies.map(({ name }) => name) });
  return { trials, summaries, conclusions: conclude(summaries, cells, { simplest: simplestFirst(strategies) }) };
}

/** Writes everything in a run's folder that is derived: summary, charts, report. */
export async function publish(store: Store, { environment, strategies, complete }: PublishOptions): Promise<Published> {
  const published = derive(store.trials(), { environment, strategies });
  const { trials, summaries, conclusions } = published;
  store.write('summary.csv', encodeHeader(summaryColumns) + encodeRows(summaryColumns, summaries));
  for (const chart of charts) {
    const spec = chart.spec({ summaries, effectiveCores: environment.cores.effective });
    store.write(`plots/${chart.name}.vl.json`, `${JSON.stringify(spec, null, 2)}\n`);
    store.write(`plots/${chart.name}.svg`, await renderSvg(spec));
  }
  const failures = trials.filter(({ status }) => status !== 'ok').map(describeFailure);
  store.write('report.md', markdownReport({ environment, conclusions, charts, failures, complete }));
  return published;
}

/** What isolates less is simpler to run; of equals, the one that stands first in the list. */
function simplestFirst(strategies: PublishOptions['strategies']): string[] {
  const rank = { none: 0, thread: 1, process: 2 };
  return [...strategies].sort((a, b) => rank[a.isolation] - rank[b.isolation]).map(({ name }) => name);
}

function describeFailure({ round, workload, corpus, strategy, workers, status, reason }: TrialRow): string {
  return `round ${round}, ${workload} ${corpus} ${strategy} × ${workers}: ${status}, ${reason ?? 'no reason recorded'}`;
}
