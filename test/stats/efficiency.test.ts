import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { breakEvenDocuments, factors, karpFlatt } from '../../bench/stats/efficiency.js';

const close = (actual: number | null | undefined, expected: number, tolerance = 1e-9) =>
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `expected ${expected}, got ${actual}`,
  );

describe('efficiency', () => {
  it('factors multiply to the efficiency', () => {
    // Four workers are busy for 8, 10, 12 and 10 s; sequentially it takes 30 s, and the wall time is 16 s.
    assert.deepEqual(factors({ sequential: 30, wall: 16, busy: 40, busiest: 12, workers: 4 }), {
      work: 0.75,
      balance: 40 / 48,
      availability: 0.75,
    });
    const time = fc.double({ min: 0.001, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        time,
        time,
        time,
        time,
        fc.integer({ min: 1, max: 64 }),
        (sequential, wall, busy, busiest, workers) => {
          const { work, balance, availability } = factors({
            sequential,
            wall,
            busy,
            busiest,
            workers,
          }) as NonNullable<ReturnType<typeof factors>>;
          const efficiency = sequential / wall / workers;
          assert.ok(Math.abs(work * balance * availability - efficiency) <= 1e-9 * efficiency);
        },
      ),
    );
    assert.equal(factors({ sequential: 30, wall: 16, busy: 0, busiest: 0, workers: 4 }), null);
  });

  it('Karp–Flatt finds the serial share of Amdahl’s law', () => {
    const cases = [
      [0, 4],
      [0.1, 2],
      [0.25, 8],
      [1, 3],
    ] as const;
    for (const [share, workers] of cases)
      close(karpFlatt({ speedup: 1 / (share + (1 - share) / workers), workers, cores: 16 }), share, 1e-12);
    // 8 workers on 2 cores have M = 2 and S = 1.6: (0.625 − 0.5) / 0.5.
    close(karpFlatt({ speedup: 1.6, workers: 8, cores: 2 }), 0.25);
    assert.equal(karpFlatt({ speedup: 1, workers: 1, cores: 8 }), null);
    assert.equal(karpFlatt({ speedup: 1, workers: 4, cores: 1 }), null);
  });

  it('both are done at the same time with as many documents as break even', () => {
    const n = breakEvenDocuments({ startMs: 300, rate: 400, sequentialRate: 250 }) as number;
    close(n, 200);
    close(n / 250, 0.3 + n / 400);
    assert.equal(breakEvenDocuments({ startMs: -5, rate: 400, sequentialRate: 250 }), 0);
    assert.equal(breakEvenDocuments({ startMs: 300, rate: 250, sequentialRate: 250 }), null);
    assert.equal(breakEvenDocuments({ startMs: 300, rate: 100, sequentialRate: 250 }), null);
  });
});
