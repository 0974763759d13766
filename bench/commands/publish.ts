import { charts } from '../../plots/index.js';
import { renderSvg } from '../../plots/render.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { exitCode } from '../errors.js';
import { loadStrategies } from '../prepare.js';
import { markdownReport } from '../report/markdown.js';
import { summaryColumns } from '../results/columns.js';
import { comparisonColumns } from '../results/comparison-columns.js';
import { projectionColumns, scalingColumns } from '../results/scaling-columns.js';
import { bySeries } from '../results/series.js';
import { crossoverColumns, winnerColumns } from '../results/situation-columns.js';
import type { Store } from '../results/store.js';
import { encodeHeader, encodeRows } from '../results/table.js';
import { defaultProjection, type Findings, findings, type Projection, type StrategyTraits } from '../verdict/findings.js';

/** Everything in a run's folder that is derived, made anew from its trials: summary, charts, report. */
export async function publish(store: Store, projection: Projection = defaultProjection): Promise<Findings> {
  const found = findings(store.trials(), { environment: store.environment(), strategies: await allTraits(), projection });
  const { environment, summaries } = found;
  store.write('summary.csv', encodeHeader(summaryColumns) + encodeRows(summaryColumns, summaries));
  store.write('comparisons.csv', encodeHeader(comparisonColumns) + encodeRows(comparisonColumns, found.comparisons));
  store.write('scaling.csv', encodeHeader(scalingColumns) + encodeRows(scalingColumns, found.scaling));
  store.write('projections.csv', encodeHeader(projectionColumns) + encodeRows(projectionColumns, found.projections));
  store.write('winners.csv', encodeHeader(winnerColumns) + encodeRows(winnerColumns, found.winners));
  store.write('crossovers.csv', encodeHeader(crossoverColumns) + encodeRows(crossoverColumns, found.crossovers));
  for (const chart of charts) {
    const spec = chart.spec({ summaries: bySeries(summaries), effectiveCores: environment.cores.effective });
    store.write(`plots/${chart.name}.vl.json`, `${JSON.stringify(spec, null, 2)}\n`);
    store.write(`plots/${chart.name}.svg`, await renderSvg(spec));
  }
  store.write('report.md', markdownReport(found, charts));
  return found;
}

export async function allTraits(): Promise<StrategyTraits[]> {
  return (await loadStrategies([...strategies, ...peers].map(({ url }) => url))).map(({ strategy }) => strategy);
}

/** A run without a single valid trial has shown nothing, whatever else went well. */
export function exitCodeOf({ trials }: Findings): number {
  const failed = trials.some(({ status }) => status === 'failed');
  return !failed && trials.some(({ status }) => status === 'ok') ? exitCode.ok : exitCode.failed;
}
