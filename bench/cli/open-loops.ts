import { runArrivalTrial } from '../arrivals/arrival-trial.js';
import type { Configuration } from '../pick/configurations.js';
import type { Demand } from '../pick/open-loop/demand.js';
import { type Judged, judge } from '../pick/open-loop/judge.js';
import { type MeasureOptions, measureOpenLoops } from '../pick/open-loop/measure.js';
import type { Sample } from '../pick/sample.js';
import type { PickProgress } from '../report/pick-progress.js';
import type { Store } from '../tables/store.js';
import type { RatedSummary } from '../tables/summary-columns.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { arrivalLine } from '../words/arrivals.js';

export interface OpenLoopOptions extends Pick<MeasureOptions, 'scheduleMs' | 'untilMs' | 'seed' | 'signal'> {
  readonly demand: Demand;
  readonly configurations: readonly Configuration[];
  readonly sample: Sample;
  readonly store: Store;
  readonly helpers: HelperProcesses;
  readonly progress: PickProgress;
}

/** Measures which of the configurations can serve the demand, and says which to use. */
export async function openLoops(
  cells: readonly RatedSummary[],
  { store, helpers, progress, sample, ...options }: OpenLoopOptions,
): Promise<Judged> {
  const rows = await measureOpenLoops({
    ...options,
    cells,
    corpus: sample.corpus,
    clock: () => performance.now(),
    measure: (cell, trial) =>
      runArrivalTrial(helpers, cell, { ...trial, runId: store.runId, suite: [process.pid] }),
    keep(row) {
      store.arrivals.begin(); // the file exists only where a row does
      store.arrivals.append(row);
      progress.say(arrivalLine(row));
    },
  });
  return judge(cells, { rows, demand: options.demand });
}

/** Open loops have no caller that reads files, so the worker reads them. */
export function hasOpenLoop({ corpus, delivery }: Configuration['cell']): boolean {
  return corpus.file.source === 'memory' || delivery === 'reference';
}
