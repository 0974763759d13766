import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { Arrivals } from '../../bench/arrivals/arrivals.js';
import { describeLatencies } from '../../bench/arrivals/latency.js';
import { scheduleOf } from '../../bench/arrivals/schedule.js';
import type { Document } from '../../workloads/workload.js';
import { meanSojourn, type Plant, p99Sojourn } from './queue-theory.js';

/**
 * Queues with known answers on a virtual clock. The harness gets its arrivals from the schedule, and a
 * simulated strategy with `servers` workers serves documents in the order in which they are given.
 */

const document: Document = { index: 0, id: 'a', size: 0, bytes: new Uint8Array() };
const serviceMs = 10;

const plants: readonly (Plant & { readonly name: string })[] = [
  { name: 'M/D/1', servers: 1, exponential: false },
  { name: 'M/M/1', servers: 1, exponential: true },
  { name: 'M/M/2', servers: 2, exponential: true },
];

function simulate({ servers, exponential }: Plant, rho: number, seed: number, documents: number) {
  const rate = (rho * servers * 1000) / serviceMs;
  const schedule = scheduleOf({ pattern: 'poisson', rate, documents, seed });
  const arrivals = new Arrivals({
    documents: [document],
    fresh: (same) => same,
    schedule,
    startMs: 0,
    accept: null,
  });
  const random = xoroshiro128plus(seed + 1_000_003);
  const free = new Float64Array(servers);
  for (let i = 0; i < documents; i++) {
    const nowMs = schedule[i] as number;
    arrivals.arrive(i + 1, nowMs);
    const given = arrivals.give();
    assert.ok(given !== null && !given.done);
    let server = 0;
    for (let k = 1; k < servers; k++) if ((free[k] as number) < (free[server] as number)) server = k;
    const takes = exponential ? -serviceMs * Math.log1p(-uniformFloat64(random)) : serviceMs;
    free[server] = Math.max(nowMs, free[server] as number) + takes;
    arrivals.settle(given.value.index, { atMs: free[server] as number, ok: true });
  }
  const { dueMs, doneMs } = arrivals.arrived;
  return describeLatencies(doneMs.map((ms, i) => ms - (dueMs[i] as number)));
}

/** The long form has 20 seeds and all loads; the short one is a part of it. */
const long = process.env.FORKWISE_QUEUES === 'long';
const loads: readonly (readonly [number, number])[] = [
  [0.5, 200_000],
  [0.7, 300_000],
  [0.8, 600_000],
  [0.9, 1_500_000],
];
const seeds = long ? 20 : 4;

describe('open loops with known answers', () => {
  for (const plant of plants)
    for (const [rho, documents] of long ? loads : loads.slice(0, 2))
      it(`${plant.name} at ${rho} of its capacity`, () => {
        const expectedMean = serviceMs * meanSojourn(plant, rho);
        const expectedP99 = serviceMs * p99Sojourn(plant, rho);
        let means = 0;
        let p99s = 0;
        for (let seed = 1; seed <= seeds; seed++) {
          const { meanMs, p99Ms } = simulate(plant, rho, seed, documents);
          if (Math.abs((meanMs ?? 0) / expectedMean - 1) <= 0.05) means++;
          if (Math.abs((p99Ms ?? 0) / expectedP99 - 1) <= 0.1) p99s++;
        }
        assert.ok(means >= seeds - 1, `${means} of ${seeds} means within 5 % of ${expectedMean}`);
        assert.ok(p99s >= seeds - 1, `${p99s} of ${seeds} p99 within 10 % of ${expectedP99}`);
      });
});
