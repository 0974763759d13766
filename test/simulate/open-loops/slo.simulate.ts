import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { searchLimit } from '../../../bench/arrivals/limits.js';
import { mean } from '../../../bench/stats/estimate.js';
import type { ArrivalRow } from '../../../bench/tables/arrival-columns.js';
import type { SloRow } from '../../../bench/tables/slo-columns.js';
import { Lab } from '../../arrivals/lab.js';
import { kneeOfMD1 } from '../../arrivals/queue-theory.js';

/**
 * `npm run test:slo`: the search for the highest rate under a limit, five times for each of two strategies,
 * on a server whose knee is known: M/D/1 where 99 of 100 documents may wait for four service times.
 *
 * The limit is four service times and the latency of a server at rest. That latency is longer than the
 * service time of a closed loop, which a worker that is never idle has. With `thread-pool` and priority over
 * all other processes the service time was 5.27 ms at full load, and the latency was 5.56 ms at 104 documents
 * per second and 5.93 ms at 20 (constant gaps). A limit of five service times would leave less than four to
 * wait, and the knee would lie below the one of M/D/1.
 */
const lab = new Lab();
after(() => lab.end());
const waits = 4;
/** The server at rest has about as long a gap between two documents as near its knee. */
const restShare = 0.4;

for (const strategy of ['thread-pool', 'process-pool'])
  it(`${strategy}: five searches differ by at most 8 %, and each is within 5 % of the knee`, {
    skip: process.platform === 'win32' && 'needs named pipes',
  }, async (t) => {
    // Timers of Node are a millisecond early or late: the service time of a shorter sleep is no constant.
    const cell = await lab.cell({ task: 'sleep', options: { milliseconds: 5 }, strategy, workers: 1 });
    const capacity = (await lab.closed(cell, 10_000)).documents_per_second;
    assert.ok(capacity >= 100);
    const rate = restShare * capacity;
    const rest = await lab.open(cell, { pattern: 'constant', rate, seconds: 10, seed: 1 });
    const restMs = rest.latency_p50_ms as number;
    const limitMs = restMs + (waits * 1000) / capacity;
    const slo = { text: `p99<${limitMs}ms`, quantile: 0.99, ms: limitMs };
    const expected = capacity * kneeOfMD1(1 + waits, 0.99);
    t.diagnostic(`full load ${capacity}/s, latency at rest ${restMs} ms, limit ${limitMs} ms`);
    const search = (seed: number) =>
      searchLimit(cell, {
        runId: 'test',
        request: { pattern: 'poisson', rates: [], timeMs: 0, accept: null, slo },
        slo,
        capacity,
        seed,
        finished: [],
        finishedSearches: [],
        measure: async (one, { offered, ...place }) => {
          const row = await lab.measure(one, { offered, ...place });
          const isLate = row.reason?.startsWith('the generator') === true;
          return row.status === 'void' && !isLate
            ? ({ ...row, status: 'ok', reason: null } as ArrivalRow)
            : row;
        },
        keep() {},
        keepSearch() {},
        say() {},
        signal: new AbortController().signal,
      });
    // The workers only wait, so two searches run at the same time. What one takes of the machine does not
    // make the other's trials void.
    const rows: SloRow[] = [];
    for (const seeds of [[1, 2], [3, 4], [5]]) rows.push(...(await Promise.all(seeds.map(search))));
    for (const row of rows) t.diagnostic(described(row, expected));
    const knees = rows.map(({ knee_per_second }) => knee_per_second ?? 0);
    const spread = (Math.max(...knees) - Math.min(...knees)) / mean(knees);
    const errors = knees.map((knee) => Math.abs(knee / expected - 1));
    t.diagnostic(`spread ${(100 * spread).toFixed(1)} %, error ${(100 * Math.max(...errors)).toFixed(1)} %`);
    assert.ok(spread <= 0.08 && Math.max(...errors) <= 0.05);
    assert.ok(rows.every(({ seconds }) => seconds <= 180));
  });

function described(row: SloRow, expected: number): string {
  const [knee, low, high, confirmed] = [
    row.knee_per_second,
    row.knee_low,
    row.knee_high,
    row.confirmed_per_second,
  ].map((rate) => rate?.toFixed(1) ?? 'none');
  return (
    `knee ${knee}/s (${low}–${high}), expected ${expected.toFixed(1)}/s; confirmed ${confirmed}/s; ` +
    `${row.seconds.toFixed(0)} s, ${row.void_probes} void`
  );
}
