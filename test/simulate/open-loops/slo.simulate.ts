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
 * on a server whose knee is known: M/D/1 where 99 of 100 documents may take five service times.
 */
const lab = new Lab();
after(() => lab.end());
const serviceTimes = 5;

for (const strategy of ['thread-pool', 'process-pool'])
  it(`${strategy}: five searches differ by at most 8 %, and each is within 5 % of the knee`, {
    skip: process.platform === 'win32' && 'needs named pipes',
  }, async (t) => {
    // Timers of Node are a millisecond early or late: the service time of a shorter sleep is no constant.
    const cell = await lab.cell({ task: 'sleep', options: { milliseconds: 5 }, strategy, workers: 1 });
    const capacity = (await lab.closed(cell, 10_000)).documents_per_second;
    assert.ok(capacity >= 100);
    const limitMs = (serviceTimes * 1000) / capacity;
    const slo = { text: `p99<${limitMs}ms`, quantile: 0.99, ms: limitMs };
    const expected = capacity * kneeOfMD1(serviceTimes, 0.99);
    t.diagnostic(`full load ${capacity}/s, limit ${limitMs} ms, knee ${expected}/s`);
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
    for (const { knee_per_second, confirmed_per_second, seconds } of rows)
      t.diagnostic(`knee ${knee_per_second}/s, confirmed ${confirmed_per_second}/s, ${seconds} s`);
    const knees = rows.map(({ knee_per_second }) => knee_per_second ?? 0);
    const spread = (Math.max(...knees) - Math.min(...knees)) / mean(knees);
    const errors = knees.map((knee) => Math.abs(knee / expected - 1));
    t.diagnostic(`spread ${(100 * spread).toFixed(1)} %, error ${(100 * Math.max(...errors)).toFixed(1)} %`);
    assert.ok(spread <= 0.08 && Math.max(...errors) <= 0.05);
    assert.ok(rows.every(({ seconds }) => seconds <= 180));
  });
