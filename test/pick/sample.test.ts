import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { folderCost } from '../../bench/pick/folder-cost.js';
import { stratifiedOrder } from '../../bench/pick/pass-size.js';
import { type PromiseOptions, promiseOf } from '../../bench/pick/promise.js';
import { isRemembered, memoryTest } from '../../bench/pick/remembering.js';
import type { CorpusCosts } from '../../bench/tables/environment.js';
import { trial } from '../rows.js';

/** A skewed folder: costs follow sizes, and sizes are Pareto distributed. */
function folder(count: number, seed: number) {
  const random = xoroshiro128plus(seed);
  const uniform = () => (random.next() >>> 0) / 2 ** 32;
  return Array.from({ length: count }, () => {
    const bytes = Math.min(1e6, 1000 / (1 - uniform()));
    return { bytes, ms: (bytes / 1000) * (0.7 + 0.6 * uniform()) };
  });
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the cost of a folder', () => {
  it('is exact if every document was timed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer(), (count, seed) => {
        const timed = folder(count, seed);
        const found = folderCost({ timed, sizes: timed.map(({ bytes }) => bytes), large: [] });
        assert.equal(found.relativeError, 0);
        assert.ok(Math.abs(found.meanMs / meanOf(timed.map(({ ms }) => ms)) - 1) < 1e-9);
      }),
    );
  });

  it('is within two standard errors of the truth for nearly all samples', () => {
    const all = folder(2000, 7).sort((a, b) => a.bytes - b.bytes);
    const truth = meanOf(all.map(({ ms }) => ms));
    let covered = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const random = xoroshiro128plus(seed);
      const timed = Array.from({ length: 200 }, (_, stratum) => {
        const within = (random.next() >>> 0) % 10;
        return all[10 * stratum + within] as (typeof all)[number];
      });
      const { meanMs, relativeError } = folderCost({
        timed,
        sizes: all.map(({ bytes }) => bytes),
        large: [],
      });
      if (Math.abs(meanMs - truth) <= 2 * relativeError * meanMs) covered++;
    }
    assert.ok(covered >= 180, `${covered} of 200`);
  });

  it('includes large documents, and is less certain about documents that were not timed', () => {
    const timed = folder(50, 3);
    const sizes = timed.map(({ bytes }) => bytes);
    const known = folderCost({ timed, sizes, large: [{ bytes: 40e6, ms: 9000 }] });
    const total = timed.reduce((sum, { ms }) => sum + ms, 0) + 9000;
    assert.ok(Math.abs(known.meanMs * 51 - total) < 1e-6);
    assert.equal(known.relativeError, 0);
    assert.ok(folderCost({ timed, sizes, large: [{ bytes: 40e6, ms: null }] }).relativeError > 0.1);
  });
});

describe('the order of documents', () => {
  it('has every document once, and prefixes with the mean cost of all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (count, seed) => {
        const order = stratifiedOrder(
          folder(count, seed).map(({ ms }) => ms),
          seed,
        );
        assert.deepEqual(
          [...order].sort((a, b) => a - b),
          order.map((_, i) => i),
        );
      }),
    );
    const costs = Array.from({ length: 256 }, (_, i) => i);
    for (const prefix of [16, 64, 128]) {
      const share = meanOf(stratifiedOrder(costs, prefix).slice(0, prefix)) / meanOf(costs);
      assert.ok(Math.abs(share - 1) < 1 / prefix + 0.01, `${prefix}: ${share}`);
    }
  });
});

describe('a task that remembers', () => {
  const costs = (ms: number) => Array.from({ length: 40 }, () => ms);

  it('differs from one whose code gets compiled', () => {
    const compiled = { first: costs(2), second: costs(0.2) };
    const test = memoryTest(compiled);
    assert.ok(test !== null);
    const { indices, others } = test;
    const seen = new Set<number>();
    const cached = indices.map((i) => {
      const known = seen.has(i);
      seen.add(i);
      return known ? 0.01 : 2;
    });
    assert.equal(isRemembered(test, cached), true);
    assert.equal(isRemembered(test, Array(indices.length).fill(0.2)), false);
    const unseen = indices.slice(0, -2 * others);
    assert.ok(
      indices.slice(-others).every((i) => !unseen.includes(i)),
      'others must be new after the warm-up',
    );
  });

  it('is not suspected if the second run costs as much, or was not made', () => {
    assert.equal(memoryTest({ first: costs(2), second: costs(1.5) }), null);
    assert.equal(memoryTest({ first: costs(2), second: costs(2).map(() => null) }), null);
    assert.equal(memoryTest({ first: [5, 5], second: [0.1, 0.1] }), null);
  });
});

describe('a promise', () => {
  const trials = Array.from({ length: 10 }, (_, i) =>
    trial({ round: i + 1, wall_ms: 250, documents_per_second: 100 * (1 + 0.01 * (i % 3)), end_idle_ms: 0 }),
  );
  const costs: CorpusCosts = {
    folder_documents: 1000,
    surveyed_documents: 1000,
    pass_mean_ms: 10,
    folder_mean_ms: 10,
    folder_mean_error: 0,
    set_apart: [],
    remembers: false,
  };
  const promised = (more: Partial<CorpusCosts> = {}, options: Partial<PromiseOptions> = {}) =>
    promiseOf({
      trials,
      endMs: null,
      coldCodeMs: null,
      isSlowToWarm: false,
      workers: 2,
      costs: { ...costs, ...more },
      ...options,
    });

  it('is about the folder, whose documents may cost more than those of the passes', () => {
    const same = promised();
    const dearer = promised({ folder_mean_ms: 20 });
    assert.ok(Math.abs(dearer.mean - same.mean / 2) < 1e-9);
    assert.ok(dearer.high !== null && same.high !== null && dearer.high < same.high);
  });

  it('is wider, and says why, for a small sample, a late end, or rates that still rise', () => {
    const width = ({ low, high }: ReturnType<typeof promiseOf>) => (high ?? 0) / (low ?? 1);
    assert.equal(promised().wideBecause, null);
    const sampled = promised({ folder_mean_error: 0.2 });
    assert.ok(width(sampled) > width(promised()));
    assert.equal(sampled.wideBecause, 'sampling');
    const ending = promised({}, { endMs: 10_000 });
    assert.equal(ending.wideBecause, 'end');
    assert.equal(ending.high, promised().high);
    const rising = promised({}, { trials: trials.map((row) => ({ ...row, rate_rise_percent: 50 })) });
    assert.equal(rising.wideBecause, 'warming');
    assert.equal(rising.low, promised().low);
  });

  it('has a figure for a run that starts cold, which a task that is slow to warm up counts with', () => {
    const warm = promised();
    assert.equal(promised({}, { coldCodeMs: 100 }).cold, null, 'too little to say');
    const seconds = costs.folder_documents / warm.mean;
    for (const isSlowToWarm of [false, true]) {
      const half = promised({}, { coldCodeMs: seconds * 1000, isSlowToWarm });
      assert.ok(Math.abs((half.cold?.mean ?? 0) - warm.mean / 2) < 1e-9);
      assert.equal(half.cold?.isCovered, isSlowToWarm);
      assert.deepEqual([half.mean, half.high], [warm.mean, warm.high]);
      const low = isSlowToWarm ? (warm.low ?? 0) / 2 : (warm.low ?? 0);
      assert.ok(Math.abs((half.low ?? 0) - low) < 1e-9);
      assert.equal(half.wideBecause, isSlowToWarm ? 'cold' : null);
    }
  });

  it('is no faster than the longest document allows', () => {
    const apart = [{ id: 'a', bytes: 1, ms: 60_000, reason: 'expensive' as const }];
    assert.ok(promised({ set_apart: apart }).mean <= 1000 / 60);
  });

  it('is not made for a task that remembers', () => {
    assert.deepEqual([promised({ remembers: true }).low, promised({ remembers: true }).high], [null, null]);
  });
});
