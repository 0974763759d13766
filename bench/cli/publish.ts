import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Spec } from '../../plots/chart.js';
import { charts } from '../../plots/index.js';
import { renderPng } from '../../plots/png.js';
import { renderAll } from '../../plots/render-all.js';
import { readRecommendation } from '../../runner/recommendation.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { exitCode } from '../errors.js';
import { chartData } from '../report/chart-data.js';
import type { Figure } from '../report/figure.js';
import { markdownReport } from '../report/markdown.js';
import { pageReport, type Scripts } from '../report/page.js';
import { arrivalSummaryTable } from '../tables/arrival-summary.js';
import { comparisonTable } from '../tables/comparison-columns.js';
import { decode, encodeHeader, encodeRows } from '../tables/csv.js';
import { faultTable } from '../tables/fault-columns.js';
import { projectionTable, scalingTable } from '../tables/scaling-columns.js';
import { crossoverTable, hintTable, situationTable, winnerTable } from '../tables/situation-columns.js';
import type { Store } from '../tables/store.js';
import { summaryTable } from '../tables/summary-columns.js';
import type { Row, Table } from '../tables/table.js';
import { loadStrategies } from '../trials/prepare.js';
import type { Decided } from '../verdict/conclude.js';
import type { Traits } from '../verdict/configurations.js';
import { defaultProjection, type Findings, findings } from '../verdict/findings.js';
import type { Projection } from '../verdict/scaling.js';
import { note } from './terminal.js';

export interface PublishOptions {
  readonly projection?: Projection;
  /** Charts as PNG, too. */
  readonly png?: boolean;
  /** Charts that answer to the mouse, however large the page gets; undefined: where it stays small. */
  readonly interactive?: boolean | undefined;
}

/** A page beyond this is slow to mail and to open. */
const smallPage = 1.5e6;

/** Writes everything in a run's folder that is derived from its trials: tables, charts, reports. */
export async function publish(
  store: Store,
  { projection = defaultProjection, png, interactive }: PublishOptions = {},
): Promise<Findings> {
  const faults = store.has('faults.csv') ? decode(faultTable, store.read('faults.csv')) : [];
  const found = findings(store.trials(), {
    environment: store.environment(),
    strategies: await allTraits(),
    projection,
    faults,
    arrivals: store.arrivals.rows(),
    limits: store.limits.rows(),
    stages: store.stages.rows(),
    decided: decidedBy(store),
  });
  const write = <T extends Table>(name: string, table: T, rows: readonly Row<T>[]) =>
    store.write(name, encodeHeader(table) + encodeRows(table, rows));
  write('summary.csv', summaryTable, found.summaries);
  write('comparisons.csv', comparisonTable, found.comparisons);
  write('scaling.csv', scalingTable, found.scaling);
  write('projections.csv', projectionTable, found.projections);
  write('winners.csv', winnerTable, found.winners);
  write('crossovers.csv', crossoverTable, found.crossovers);
  write('situations.csv', situationTable, found.situations);
  write('hints.csv', hintTable, found.hints);
  if (found.arrivals.length > 0) write('arrival-summary.csv', arrivalSummaryTable, found.arrivals);

  const data = chartData(found);
  const shown = charts.filter(({ optional, table }) => !optional || data[table.from].length > 0);
  const specs = shown.map((chart) => chart.spec(data));
  const svgs = await renderAll(specs);
  const figures = shown.map(
    (chart, i): Figure => ({
      chart,
      caption: chart.caption(data),
      spec: specs[i] as Spec,
      svg: svgs[i] as string,
    }),
  );
  for (const { chart, spec, svg } of figures) {
    store.write(`plots/${chart.name}.vl.json`, `${JSON.stringify(spec)}\n`);
    store.write(`plots/${chart.name}.svg`, svg);
    if (png) store.write(`plots/${chart.name}.png`, await renderPng(svg));
  }
  const still = pageReport(found, { figures, data, scripts: null });
  const scripts = interactive === false ? null : scriptsFor(still, figures, interactive === true);
  store.write('report.html', scripts === null ? still : pageReport(found, { figures, data, scripts }));

  const markdown = markdownReport(found, figures);
  store.write('report.md', markdown);
  summariseStep(markdown);
  return found;
}

/** `pick` has chosen under constraints and written its choice. The report keeps that choice. */
function decidedBy(store: Store): Decided | undefined {
  if (!store.has('recommendation.json')) return undefined;
  const { strategy, workers, delivery, perWorker } = readRecommendation(
    JSON.parse(store.read('recommendation.json')),
  );
  return { choice: { strategy, workers, delivery, per_worker: perWorker ?? null } };
}

/**
 * Chooses the scripts that make the page answer to the mouse. There are none where they were not asked for
 * and would make the page large.
 */
function scriptsFor(still: string, figures: readonly Figure[], asked: boolean): Scripts | null {
  const scripts = vegaScripts();
  const specs = figures.reduce((sum, { spec }) => sum + JSON.stringify(spec).length, 0);
  return asked || still.length + specs + scripts.vega.length + scripts.vegaLite.length <= smallPage
    ? scripts
    : null;
}

/** Vega's licence asks to be named. */
const licence = 'BSD-3-Clause, University of Washington Interactive Data Lab and contributors';

/** Vega as its authors minified it, beside the module that is imported; the licences ask to be named. */
function vegaScripts(): Scripts {
  const require = createRequire(import.meta.url);
  const script = (name: string) => {
    const folder = dirname(require.resolve(`${name}/${name}-schema.json`));
    const text = readFileSync(join(folder, `${name}.min.js`), 'utf8').replaceAll('</script', '<\\/script');
    return `/* ${name}, ${licence} */\n${text}`;
  };
  return { vega: script('vega'), vegaLite: script('vega-lite') };
}

/**
 * On GitHub the job's page shows the report. A summary that cannot be written must not fail a measured run.
 */
export function summariseStep(markdown: string): void {
  const path = process.env.GITHUB_STEP_SUMMARY;
  if (path === undefined || path === '') return;
  try {
    appendFileSync(path, `${markdown}\n`);
  } catch (error) {
    note(`GITHUB_STEP_SUMMARY: ${(error as Error).message}`);
  }
}

export async function allTraits(): Promise<Traits[]> {
  return (await loadStrategies([...strategies, ...peers].map(({ url }) => url))).map(
    ({ strategy }) => strategy,
  );
}

/** A run without a single valid trial has shown nothing, whatever else went well. */
export function exitCodeOf({ trials }: Findings): number {
  const failed = trials.some(({ status }) => status === 'failed');
  return !failed && trials.some(({ status }) => status === 'ok') ? exitCode.ok : exitCode.failed;
}
