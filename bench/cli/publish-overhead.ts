import { granularity } from '../../plots/charts/granularity.js';
import { type LimitRow, overhead } from '../../plots/charts/overhead.js';
import { renderSvg } from '../../plots/render.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { kindOf, limitsOf, meanPoints, metgRows, ratios, summariseOverhead } from '../overhead/analyse.js';
import {
  type CopyTime,
  copyTable,
  granularityTable,
  metgTable,
  type OverheadSummary,
  overheadSummaryTable,
  overheadTable,
  ratioTable,
  taskTable,
} from '../overhead/columns.js';
import { overheadReport } from '../overhead/report.js';
import { type Line, seriesOf } from '../overhead/series.js';
import { decode, encodeHeader, encodeRows } from '../tables/csv.js';
import type { Store } from '../tables/store.js';
import { loadStrategies } from '../trials/prepare.js';

/**
 * Writes everything in the folder of a dispatch benchmark that is derived from what was measured. @returns
 * the report.
 */
export async function publishOverhead(store: Store): Promise<string> {
  const environment = store.environment();
  const series = seriesOf(await loadStrategies([...strategies, ...peers].map(({ url }) => url)));
  const kinds = new Map(series.map((one) => [one.name, kindOf(one)]));
  const lineOf = new Map(series.map(({ name, line }) => [name, line]));
  const trials = decode(overheadTable, store.read('overhead.csv'));
  const points = decode(granularityTable, store.read('granularity.csv'));
  const tasks = decode(taskTable, store.read('word-frequency.csv')).map(({ document_bytes, task_us }) => ({
    bytes: document_bytes,
    taskUs: task_us,
  }));
  // Runs before 0.2.0 did not time copies.
  const copyTimes = store.has('copies.csv') ? decode(copyTable, store.read('copies.csv')) : [];
  const order = [...kinds.keys()];
  const summaries = summariseOverhead(trials, kinds, copyTimes);
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
  const drawn = <Row extends { readonly strategy: string }>(rows: readonly Row[], line: Line) =>
    rows.filter(({ strategy }) => lineOf.get(strategy) === line && !kinds.get(strategy)?.transferred);
  const pools = summaries.filter(
    ({ strategy, role, isolation }) =>
      role === 'pool' && isolation === 'thread' && kinds.get(strategy)?.given === 'bytes',
  );
  const sessions = drawn(summaries, 'sessions');
  const references = drawn(summaries, 'references');
  const runner = drawn(summaries, 'runner');
  const marks = drawn(metg, 'sessions').map(({ efficiency, ...row }) => ({ ...row, e: efficiency }));
  const specs = {
    ...(sessions.length > 0 && {
      overhead: overhead(sessions, { limits: limitsFor(sessions, copyTimes) }),
      granularity: granularity(drawn(meanPoints(points), 'sessions'), marks),
    }),
    ...(references.length > 0 && {
      'overhead-references': overhead(references, {
        question: 'What does a document by path, or by another reference, cost beyond its task?',
        limits: limitsFor(references, copyTimes),
      }),
    }),
    ...(runner.length > 0 && {
      'overhead-runner': overhead([...runner, ...drawn(pools, 'sessions')], {
        question: 'What does a document through createRunner cost beyond its task?',
        limits: limitsFor(runner, copyTimes),
      }),
    }),
  };
  for (const [name, spec] of Object.entries(specs)) {
    store.write(`plots/${name}.vl.json`, `${JSON.stringify(spec, null, 2)}\n`);
    store.write(`plots/${name}.svg`, await renderSvg(spec));
  }
  const report = `${overheadReport({ environment, summaries, ratios: compared, metg }, '.')}\n`;
  store.write('report.md', `# Dispatch benchmark ${store.runId}\n\n${report}`);
  return report;
}

/** One limit for each number of copies that the drawn rows need. */
function limitsFor(rows: readonly OverheadSummary[], times: readonly CopyTime[]): LimitRow[] {
  const counts = new Set(rows.map(({ copies }) => copies).filter((copies) => copies !== null));
  return [...counts]
    .sort((a, b) => a - b)
    .flatMap((copies) =>
      [...limitsOf(times, copies)].map(([document_bytes, limit_us]) => ({
        copies,
        document_bytes,
        limit_us,
      })),
    );
}
