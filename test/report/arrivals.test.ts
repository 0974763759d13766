import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type ArrivalRow, arrivalTable as arrivalColumns } from '../../bench/tables/arrival-columns.js';
import { summariseArrivals } from '../../bench/tables/arrival-summary.js';
import { arrivalTable } from '../../bench/words/arrivals.js';
import { made, type Some } from '../rows.js';

function row(own: Some<ArrivalRow>, p99: number): ArrivalRow {
  return made(arrivalColumns, {
    workload: 'parse',
    corpus: '3KB',
    kind: 'io',
    strategy: 'crowd',
    workers: 2,
    delivery: 'message',
    source: '',
    pattern: 'poisson',
    asked: '70/s',
    offered_per_second: 70,
    round: 1,
    status: 'ok',
    documents: 700,
    done_per_second: 70,
    outcomes_ok: 700,
    refused: 0,
    backlog_growth_percent: 0,
    latency_p99_ms: p99,
    ...own,
  });
}

for (const [column, values, names] of [
  ['per_worker', [null, 4], ['crowd × 2', 'crowd (4 per worker) × 2']],
  ['rtt_ms', [0, 3], ['crowd (0 ms) × 2', 'crowd (3 ms) × 2']],
] as const)
  it(`latencies of open loops tell cells apart that differ in ${column} alone`, () => {
    const trials = values.flatMap((value, i) =>
      [1, 2, 3].map((round) => row({ [column]: value, round }, [20, 500][i] ?? 0)),
    );
    const summaries = summariseArrivals(trials);
    assert.deepEqual(
      summaries.map((summary) => [summary[column], summary.schedules]),
      values.map((value) => [value, 3]),
    );
    const [rates, ...rows] = arrivalTable(summaries, []).groups[0] ?? [];
    assert.deepEqual(rates, ['parse 3KB', 'documents/s', '70']);
    assert.deepEqual(
      rows.map(([, name]) => name),
      names,
    );
    assert.match(rows[0]?.[2] ?? '', /^20\b/);
    assert.match(rows[1]?.[2] ?? '', /^500\b/);
  });
