import {
  type SummaryRow,
  schema,
  summaryColumns,
  type TrialRow,
  trialColumns,
  unknown,
} from '../bench/tables/columns.js';

/** Made-up rows for tests of what is computed from rows. */

const cell = {
  workload: 'word-frequency',
  kind: 'cpu',
  corpus: '10KB',
  document_bytes: 10_000,
  strategy: 'sequential',
  workers: 1,
  delivery: 'none',
};

export function trial(columns: Partial<TrialRow>): TrialRow {
  return {
    ...unknown(trialColumns),
    ...cell,
    schema,
    run_id: 'test',
    round: 1,
    order: 1,
    attempt: 1,
    documents: 100,
    status: 'ok',
    passes: 1,
    documents_per_second: 100,
    ...columns,
  };
}

export function summary(columns: Partial<SummaryRow>): SummaryRow {
  return { ...unknown(summaryColumns), ...cell, rounds: 3, ...columns };
}
