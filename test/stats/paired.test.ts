import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  hodgesLehmann,
  holm,
  minimumDetectable,
  outliers,
  paired,
  signFlipP,
} from '../../bench/stats/paired.js';

const close = (actual: number | null | undefined, expected: number, tolerance = 1e-9) =>
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `expected ${expected}, got ${actual}`,
  );

const numbers = (maxLength: number) =>
  fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength });

/**
 * Student (1908) published the extra hours of sleep of ten patients: the second drug's minus the first one's.
 */
const sleep = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];

describe('paired differences', () => {
  it('have the published t test', () => {
    // R: t.test(extra ~ group, data = sleep, paired = TRUE), signs turned.
    const { mean, low, high, p } = paired(sleep);
    close(mean, 1.58);
    close(low, 0.7001142, 1e-6);
    close(high, 2.4598858, 1e-6);
    close(p, 0.002833, 2e-6);
  });

  it('are certain without any spread', () => {
    assert.equal(paired([2, 2, 2]).p, 0);
    assert.equal(paired([0, 0, 0]).p, 1);
  });

  it('have the median of all pairwise means as Hodges–Lehmann estimate', () => {
    // Means 1, 1.5, 5.5, 2, 6, 10.
    assert.equal(hodgesLehmann([1, 2, 10]), 3.75);
    fc.assert(
      fc.property(numbers(15), (values) => {
        const means: number[] = [];
        for (let i = 0; i < values.length; i++)
          for (let j = 0; j <= i; j++) means.push(((values[i] as number) + (values[j] as number)) / 2);
        means.sort((a, b) => a - b);
        const middle = means.length / 2;
        close(
          hodgesLehmann(values),
          ((means[Math.ceil(middle) - 1] as number) + (means[Math.floor(middle)] as number)) / 2,
        );
      }),
    );
  });

  it('detect an effect of 4.4 % with 12 rounds and a spread of 5 %', () => {
    // The value is (2.20099 + 0.87553) · 0.05 / √12.
    close(minimumDetectable({ variance: 0.05 ** 2, n: 12 }), 0.0444049, 1e-5);
  });

  it('are classed by Tukey’s fences', () => {
    // Quartiles are 3 and 9: 1.5 ranges end at −6 and 18, 3 ranges at −15 and 27.
    const ordinary = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    assert.deepEqual(outliers([...ordinary, 18.01 + 1]), { mild: 1, severe: 0 });
    assert.deepEqual(outliers([...ordinary, 40]), { mild: 0, severe: 1 });
    assert.deepEqual(outliers([...ordinary, -30, 12]), { mild: 0, severe: 1 });
    assert.deepEqual(outliers(ordinary), { mild: 0, severe: 0 });
  });
});

describe('sign flips', () => {
  it('are 2 of 2ⁿ at the least: 0.0005 with 12 rounds', () => {
    const rising = Array.from({ length: 12 }, (_, i) => 0.1 + i / 100);
    assert.equal(signFlipP(rising), 2 / 4096);
    assert.equal(signFlipP(rising.map((value) => -value)), 2 / 4096);
    assert.equal(signFlipP(rising.slice(4)), 2 / 256);
  });

  it('equal a naive count, with ties', () => {
    assert.equal(signFlipP([1, 1, -1]), 1);
    assert.equal(signFlipP([0.1, 0.2, 0.3]), 0.25);
    fc.assert(
      fc.property(numbers(8), (values) => {
        const sums = values.reduce((sums, value) => sums.flatMap((sum) => [sum + value, sum - value]), [0]);
        const observed = Math.abs(values.reduce((a, b) => a + b, 0));
        close(signFlipP(values), sums.filter((sum) => Math.abs(sum) >= observed).length / sums.length);
      }),
    );
  });

  it('are drawn beyond 16 rounds: near the t test, and the same for the same seed', () => {
    const ratios = Array.from({ length: 24 }, (_, i) => 0.4 + Math.sin(1 + 7 * i));
    close(signFlipP(ratios), paired(ratios).p, 0.015);
    assert.equal(signFlipP(ratios, 3), signFlipP(ratios, 3));
    assert.notEqual(signFlipP(ratios, 3), signFlipP(ratios, 4));
  });
});

describe('Holm', () => {
  it('matches a worked example', () => {
    // R gives p.adjust(c(0.01, 0.04, 0.03, 0.005), 'holm').
    for (const [i, expected] of [0.03, 0.06, 0.06, 0.02].entries())
      close(holm([0.01, 0.04, 0.03, 0.005])[i], expected);
    assert.deepEqual(holm([]), []);
  });

  it('rejects what the step-down procedure rejects', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (ps, level) => {
          const rejected = new Set<number>();
          for (let left = ps.length; left > 0; left--) {
            const open = ps.map((p, i) => ({ p, i })).filter(({ i }) => !rejected.has(i));
            const [smallest] = open.sort((a, b) => a.p - b.p);
            if (smallest === undefined || !(smallest.p * left <= level)) break;
            rejected.add(smallest.i);
          }
          const adjusted = holm(ps);
          assert.deepEqual(new Set(adjusted.flatMap((p, i) => (p <= level ? [i] : []))), rejected);
          assert.ok(adjusted.every((p, i) => p <= 1 && p >= (ps[i] as number)));
        },
      ),
    );
  });
});
