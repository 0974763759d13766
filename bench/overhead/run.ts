import { join } from 'node:path';
import { syntheticCorpus } from '../../workloads/synthetic.js';
import { AppendedRows } from '../tables/appended-rows.js';
import type { Store } from '../tables/store.js';
import type { Row, Table } from '../tables/table.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { roundOrder } from '../trials/plan.js';
import { duration } from '../words/units.js';
import { copyTable, granularityTable, type OverheadTrial, overheadTable, taskTable } from './columns.js';
import { FileCorpora } from './files.js';
import type { OverheadRequest } from './host.js';
import { columnsOf, measureCopy, measureOverhead, measureSweep, type OverheadCell } from './measure.js';
import { type OverheadPlan, sweepCells, type Turn, turnsOf } from './plan.js';

export interface OverheadRun {
  readonly store: Store;
  readonly helpers: HelperProcesses;
  /** The measured processes import `createRunner` from the module at this URL. */
  readonly runner: string;
  /** The workload `word-frequency`, which METG is compared with. */
  readonly wordFrequency: { readonly name: string; readonly url: string };
  readonly rounds: number;
  readonly seed: number;
  /** Duration of the passes before the clock counts, for each trial. */
  readonly warmupMs: number;
  /** Duration of a trial's timed passes. */
  readonly timeMs: number;
  readonly cores: number;
  readonly say: (text: string) => void;
}

/** Share of a trial's time that each length of the task gets in a sweep, which has eight of them. */
const pointPart = 0.4;
/** `word-frequency` is timed on documents of these sizes, bytes. */
const taskBytes = [100, 1_000, 10_000, 100_000];

/**
 * Measures what the store's files do not have yet. Each row is written once it is measured, so a run that
 * was ended continues after its last row.
 * @returns all trials, those of earlier parts of the run included
 */
export async function runOverhead(plan: OverheadPlan, run: OverheadRun): Promise<readonly OverheadTrial[]> {
  const { store, helpers, runner, wordFrequency, rounds, seed, warmupMs, timeMs, cores, say } = run;
  const trials = new MeasuredRows(store, 'overhead.csv', overheadTable);
  const points = new MeasuredRows(store, 'granularity.csv', granularityTable);
  const copies = new MeasuredRows(store, 'copies.csv', copyTable);
  const tasks = new MeasuredRows(store, 'word-frequency.csv', taskTable);
  const measuring = { helpers, files: new FileCorpora(helpers.folder), runner, cores, warmupMs, timeMs };
  const dispatch = async (cell: OverheadCell, place: Pick<OverheadTrial, 'phase' | 'round'>) => {
    if (trials.has({ ...place, ...columnsOf(cell) })) return;
    const trial = await measureOverhead(cell, place, measuring);
    if (trial.status === 'failed')
      say(`${trial.strategy} × ${trial.workers}, ${trial.document_bytes} bytes: ${trial.reason}`);
    trials.add(trial);
  };
  const take = async ({ cell, steps }: Turn, round: number) => {
    if (steps.length === 1) return dispatch(cell, { phase: 'measure', round });
    const missing = steps.filter((steps) => !points.has({ round, ...columnsOf(cell), steps }));
    if (missing.length === 0) return;
    points.add(...(await measureSweep(cell, missing, { ...measuring, timeMs: timeMs * pointPart, round })));
  };
  try {
    const cells = sweepCells(plan);
    say(`${cells.length} ways to dispatch, to find the best of each strategy`);
    for (const cell of roundOrder(cells, { seed, round: 0 }))
      await dispatch(cell, { phase: 'sweep', round: 1 });
    const turns = turnsOf(plan, trials.rows);
    for (let round = 1; round <= rounds; round++) {
      const startedMs = performance.now();
      for (const document_bytes of plan.sizes) {
        if (!copies.has({ round, document_bytes }))
          copies.add({ round, document_bytes, copy_us: await measureCopy(document_bytes, measuring) });
      }
      for (const turn of roundOrder(turns, { seed, round })) await take(turn, round);
      say(
        `round ${round} of ${rounds}: ${turns.length} trials in ${duration(performance.now() - startedMs)}`,
      );
    }
    for (const document_bytes of taskBytes) {
      if (tasks.has({ document_bytes })) continue;
      const task_us = await measureTask(wordFrequency, { size: document_bytes, helpers, timeMs: 2 * timeMs });
      tasks.add({ document_bytes, task_us });
    }
    return trials.rows;
  } finally {
    for (const table of [trials, points, copies, tasks]) table.close();
  }
}

/** A table whose rows are written as they come, after those of an earlier part of the run. */
class MeasuredRows<T extends Table> {
  readonly rows: Row<T>[];
  readonly #file: AppendedRows<T>;

  constructor(store: Store, name: string, table: T) {
    this.#file = new AppendedRows(join(store.folder, name), table);
    this.rows = [...this.#file.rows()];
    this.#file.begin();
  }

  /** Tells whether there is a row with these values. */
  has(values: Partial<Row<T>>): boolean {
    return this.rows.some((row) => {
      for (const column in values) if (row[column] !== values[column]) return false;
      return true;
    });
  }

  add(...rows: Row<T>[]): void {
    for (const row of rows) {
      this.#file.append(row);
      this.rows.push(row);
    }
  }

  close(): void {
    this.#file.close();
  }
}

/** Measures how long a task takes for a document of this size, microseconds. */
async function measureTask(
  { name, url }: OverheadRun['wordFrequency'],
  { size, helpers, timeMs }: { readonly size: number } & Pick<OverheadRun, 'helpers' | 'timeMs'>,
): Promise<number> {
  const { documents } = syntheticCorpus({
    name: 'synthetic',
    size,
    count: 50,
    complexity: 'medium',
    seed: 1,
  });
  const host = new Helper(helpers, new URL('./host.js', import.meta.url));
  const request: OverheadRequest = { kind: 'task', workload: { name, url, options: {} }, documents, timeMs };
  const taskUs = await host.ask<number>(request);
  host.end();
  return taskUs;
}
