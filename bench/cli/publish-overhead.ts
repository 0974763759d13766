import { granularity } from '../../plots/charts/granularity.js';
import { overhead } from '../../plots/charts/overhead.js';
import { renderSvg } from '../../plots/render.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { type Kind, meanPoints, metgRows, ratios, summariseOverhead } from '../overhead/analyse.js';
import {
  granularityTable,
  metgTable,
  overheadSummaryTable,
  overheadTable,
  ratioTable,
  taskTable,
} from '../overhead/columns.js';
import { overheadReport } from '../overhead/report.js';
import { seriesOf } from '../overhead/series.js';
import { decode, encodeHeader, encodeRows } from '../tables/csv.js';
import type { Store } from '../tables/store.js';
import { loadStrategies } from '../trials/prepare.js';

/**
 * Writes everything in the folder of a dispatch benchmark that is derived from what was measured. @returns
 * the report.
 */
export async function publishOverhead(store: Store): Promise<string> {
  const environment = store.environment();
  const kinds = new Map(
    seriesOf(await loadStrategies([...strategies, ...peers].map(({ url }) => url))).map(
      ({ name, role, transferred, loaded }): [string, Kind] => [
        name,
        { role, transferred, isolation: loaded.strategy.isolation },
      ],
    ),
  );
  const trials = decode(overheadTable, store.read('overhead.csv'));
  const points = decode(granularityTable, store.read('granularity.csv'));
  const tasks = decode(taskTable, store.read('word-frequency.csv')).map(({ document_bytes, task_us }) => ({
    bytes: document_bytes,
    taskUs: task_us,
  }));
  const order = [...kinds.keys()];
  const summaries = summariseOverhead(trials, kinds);
  const compared = ratios(trials, kinds);
  const metg = metgRows(points, { tasks, seed: environment.seed }).sort(
    (a, b) => order.indexOf(a.strategy) - order.indexOf(b.strategy),
  );
  store.write(
    'overhead-summary.csv',
    encodeHeader(overheadSummaryTable) + encodeRows(overheadSummaryTable, summaries),
  );
  store.write('overhead-ratios.csv', encodeHeader(ratioTable) + encodeRows(ratioTable, compared));
  store.write('metg.csv', encodeHeader(metgTable) + encodeRows(metgTable, metg));
  // The charts draw fewer lines, so that a reader can tell them apart. The table has the rest.
  const drawn = <Row extends { readonly strategy: string }>(rows: readonly Row[]) =>
    rows.filter(({ strategy }) => !kinds.get(strategy)?.transferred);
  const marks = drawn(metg).map(({ efficiency, ...row }) => ({ ...row, e: efficiency }));
  for (const [name, spec] of Object.entries({
    overhead: overhead(drawn(summaries)),
    granularity: granularity(drawn(meanPoints(points)), marks),
  })) {
    store.write(`plots/${name}.vl.json`, `${JSON.stringify(spec, null, 2)}\n`);
    store.write(`plots/${name}.svg`, await renderSvg(spec));
  }
  const report = `${overheadReport({ environment, summaries, ratios: compared, metg }, '.')}\n`;
  store.write('report.md', `# Dispatch benchmark ${store.runId}\n\n${report}`);
  return report;
}
