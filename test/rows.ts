import { type SummaryRow, summaryTable } from '../bench/tables/summary-columns.js';
import { checked, type Row, type Table, unknown } from '../bench/tables/table.js';
import { type OkTrial, schema, type TrialRow, trialTable } from '../bench/tables/trial-columns.js';

/** Made-up rows for tests of what is computed from rows. */

/** This type has some of a row's columns, whatever the row's state is. */
export type Some<R> = Partial<Pick<R, keyof R>>;

/** A row made of some of its columns; the others are empty. It is checked as a row of a file is. */
export function made<T extends Table>(table: T, columns: Some<Row<T>>): Row<T> {
  return checked(table, { ...unknown(table), ...columns });
}

const cell = {
  workload: 'word-frequency',
  kind: 'cpu',
  corpus: '10KB',
  document_bytes: 10_000,
  strategy: 'sequential',
  workers: 1,
  delivery: 'none',
};

export function trial(columns: Some<OkTrial>): OkTrial;
export function trial(columns: Some<TrialRow>): TrialRow;
export function trial(columns: Some<TrialRow>): TrialRow {
  return made(trialTable, {
    ...cell,
    schema,
    run_id: 'test',
    round: 1,
    order: 1,
    attempt: 1,
    documents: 100,
    status: 'ok',
    passes: 1,
    wall_ms: 1000,
    documents_per_second: 100,
    megabytes_per_second: 1,
    startup_ms: 20,
    outcomes_ok: 100,
    outcomes_failed: 0,
    ...columns,
  });
}

/** A trial that failed before anything was measured. */
export function failedTrial(columns: Some<TrialRow>): TrialRow {
  return trial({ ...unknown(trialTable), status: 'failed', reason: 'it broke', ...columns });
}

export function summary(columns: Some<SummaryRow>): SummaryRow {
  return made(summaryTable, { ...cell, rounds: 3, ...columns });
}
