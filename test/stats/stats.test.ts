import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { geometricInterval, meanInterval, quantile, squares } from '../../bench/stats/estimate.js';
import { tCdf, tQuantile } from '../../bench/stats/student-t.js';

const close = (actual: number | null, expected: number, tolerance = 1e-9) =>
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `expected ${expected}, got ${actual}`,
  );

describe("Student's t", () => {
  it('has the published quantiles', () => {
    // These are upper critical values of the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
    for (const [df, p, expected] of [
      [1, 0.975, 12.706], [2, 0.975, 4.303], [5, 0.95, 2.015],
      [11, 0.975, 2.201], [30, 0.995, 2.75], [100, 0.975, 1.984],
    ] as const) close(tQuantile(p, df), expected, 3e-4); // biome-ignore format: a table
  });

  it('is exact where there is a closed form', () => {
    // df = 1 is Cauchy: F(t) = 1/2 + atan(t)/π; df = 2: F(t) = 1/2 + t / (2·√(2 + t²)).
    for (const t of [-30, -2, -0.1, 0, 0.5, 3, 100]) {
      close(tCdf(t, 1), 0.5 + Math.atan(t) / Math.PI, 1e-12);
      close(tCdf(t, 2), 0.5 + t / (2 * Math.sqrt(2 + t * t)), 1e-12);
    }
  });

  it('quantile and distribution function undo each other', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 200 }),
        (p, df) => close(tCdf(tQuantile(p, df), df), p, 1e-9),
      ),
    );
  });
});

describe('intervals', () => {
  it('match a worked example', () => {
    // Mean 5, s² = 10, n = 5: half width 2.776445·√(10/5).
    const { mean, low, high } = meanInterval([1, 3, 5, 7, 9]);
    close(mean, 5);
    close(high, 5 + 2.7764451 * Math.sqrt(2), 1e-7);
    close(low, 5 - 2.7764451 * Math.sqrt(2), 1e-7);
  });

  it('are unknown for a single value', () =>
    assert.deepEqual(meanInterval([3]), { mean: 3, low: null, high: null }));

  it('are symmetric on logarithms for geometric means', () => {
    const { mean, low, high } = geometricInterval([1, 10, 100]);
    close(mean, 10);
    close((low as number) * (high as number), 100);
  });

  it('squares equal the naive sum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (values) => {
        const n = values.length;
        const sum = values.reduce((a, b) => a + b, 0);
        const sumOfSquares = values.reduce((a, b) => a + b * b, 0);
        close(squares(values), sumOfSquares - (sum * sum) / n, 1e-6);
      }),
    );
  });
});

describe('quantile', () => {
  it('interpolates between order statistics', () => {
    assert.equal(quantile([], 0.5), null);
    assert.equal(quantile([4], 0.99), 4);
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
    close(quantile([10, 20, 30, 40, 50], 0.95), 48);
  });

  it('lies between the extremes and rises', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value + 0),
          { minLength: 1 },
        ),
        (values) => {
          const points = [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q) as number);
          assert.equal(points[0], Math.min(...values));
          assert.equal(points[4], Math.max(...values));
          for (let i = 1; i < points.length; i++)
            assert.ok((points[i] as number) >= (points[i - 1] as number));
        },
      ),
    );
  });
});
