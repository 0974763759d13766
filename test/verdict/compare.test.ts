import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { breakEvenDocuments, factors, karpFlatt } from '../../bench/stats/efficiency.js';
import {
  hodgesLehmann,
  holm,
  minimumDetectable,
  outliers,
  paired,
  signFlipP,
} from '../../bench/stats/paired.js';
import type { TrialRow } from '../../bench/tables/columns.js';
import type { ComparisonRow } from '../../bench/tables/comparison-columns.js';
import { compare, verdictOn } from '../../bench/verdict/compare.js';
import { enough } from '../../bench/verdict/stop.js';
import { trial } from '../rows.js';
import { equalCells, suite } from '../simulate/suites.js';

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

describe('verdicts', () => {
  const margin = Math.log(1.03);

  it('need the p value and the interval', () => {
    assert.equal(verdictOn({ low: 0.04, high: 0.06, p: 0.01, margin }), 'faster');
    assert.equal(verdictOn({ low: -0.06, high: -0.04, p: 0.01, margin }), 'slower');
    assert.equal(verdictOn({ low: 0.04, high: 0.06, p: 0.05, margin }), 'inconclusive');
    assert.equal(verdictOn({ low: 0.02, high: 0.06, p: 0.001, margin }), 'inconclusive');
    assert.equal(verdictOn({ low: -0.06, high: -0.02, p: 0.001, margin }), 'inconclusive');
    assert.equal(verdictOn({ low: -0.02, high: 0.02, p: 0.9, margin }), 'equivalent');
    assert.equal(verdictOn({ low: 0.01, high: 0.02, p: 0.001, margin }), 'equivalent');
    assert.equal(verdictOn({ low: -0.02, high: 0.04, p: 0.9, margin }), 'inconclusive');
  });
});

/**
 * Trials of cells with these rates, a round after the other; `threads` 1, 2, 3 … after `sequential`; null is
 * a failed trial.
 */
function made(rates: readonly (readonly (number | null)[])[], twin?: readonly number[]): TrialRow[] {
  const cells = rates.map((values, i) => ({
    values,
    cell: { strategy: i === 0 ? 'sequential' : 'threads', workers: Math.max(1, i) },
  }));
  const ordinary = cells.flatMap(({ values, cell }) =>
    values.map((rate, i) =>
      trial({
        ...cell,
        round: i + 1,
        documents_per_second: rate,
        ...(rate === null ? { status: 'failed', reason: 'made' } : {}),
      }),
    ),
  );
  return [
    ...ordinary,
    ...(twin ?? []).map((rate, i) => trial({ round: i + 1, documents_per_second: rate, twin: 'A/A' })),
  ];
}

/** `n` rates about `rate` whose logs are apart by `spread` and average out. */
function about(rate: number, spread: number, n = 12): number[] {
  return Array.from({ length: n }, (_, i) => rate * Math.exp(spread * (i % 2 === 0 ? 1 : -1)));
}

function rowOf(rows: readonly ComparisonRow[], reference: string, workers: number): ComparisonRow {
  return rows.find(
    (row) => row.reference === reference && row.workers === workers && row.strategy === 'threads',
  ) as ComparisonRow;
}

describe('compare', () => {
  const flat = new Array<number>(12).fill(100);

  it('has every verdict word', () => {
    const trials = made([
      flat,
      about(150, 0.01),
      about(151, 0.01).reverse(),
      about(50, 0.01),
      about(101, 0.005),
      about(103, 0.04),
    ]);
    const rows = compare(trials, { claims: 'verdicts', baseline: 'sequential' });
    const words = [1, 2, 3, 4, 5].map((workers) => rowOf(rows, 'sequential', workers).verdict);
    assert.deepEqual(words, ['faster', 'faster', 'slower', 'equivalent', 'inconclusive']);
    close(rowOf(rows, 'sequential', 1).ratio, 1.5);
    assert.equal(rowOf(rows, 'best', 1).reference_workers, 2);
    const slower = [1, 3, 4].map((workers) => rowOf(rows, 'best', workers).verdict === 'slower');
    assert.deepEqual(slower, [false, true, true]);
  });

  it('adjusts over the contenders against sequential, over all pairs against the best', () => {
    const rates = [flat, about(110, 0.05), about(120, 0.09), about(121, 0.11).reverse()];
    const logs = (a: number, b: number) =>
      (rates[a] as number[]).map((rate, i) => Math.log(rate / ((rates[b] as number[])[i] as number)));
    const rows = compare(made(rates), { claims: 'verdicts', baseline: 'sequential' });
    const contenders = holm([1, 2, 3].map((i) => paired(logs(i, 0)).p));
    for (const i of [1, 2, 3])
      close(rowOf(rows, 'sequential', i).p_adjusted, contenders[i - 1] as number, 1e-9);
    const pairs = [[3, 0], [3, 1], [3, 2], [2, 0], [2, 1], [1, 0]] as const; // biome-ignore format: pairs
    const all = holm(pairs.map(([a, b]) => paired(logs(a, b)).p));
    for (const i of [1, 2]) close(rowOf(rows, 'best', i).p_adjusted, all[i] as number, 1e-9);
    assert.equal(rows.filter(({ reference }) => reference === 'best').length, 3);
  });

  it('widens the margin to twice the standard error of the twins, which are in no family', () => {
    const spread = 0.1;
    const [twin, ...others] = compare(made([flat, about(110, 0.001)], about(100, spread)), {
      claims: 'verdicts',
      baseline: 'sequential',
    }).reverse();
    const error = Math.sqrt((12 * spread ** 2) / 11 / 12);
    close(twin?.margin, Math.exp(2 * error));
    assert.deepEqual([twin?.reference, twin?.twin, twin?.rounds], ['A/A', 'A/A', 12]);
    assert.equal(others.length, 2);
    assert.ok(others.every(({ twin, margin }) => twin === null && margin === Math.exp(2 * error)));
    close(
      compare(made([flat, about(110, 0.001)], about(100, 0.01)), {
        claims: 'verdicts',
        baseline: 'sequential',
      })[0]?.margin,
      1.03,
    );
    close(
      compare(made([flat, about(110, 0.001)], about(130, 0.01)), {
        claims: 'verdicts',
        baseline: 'sequential',
      })[0]?.ratio,
      1.1,
    );
  });

  it('pairs the rounds in which both were ok', () => {
    const trials = made([
      [100, 200, null, 400],
      [150, 300, 450, null],
    ]);
    const [row] = compare(trials, { claims: 'verdicts', baseline: 'sequential' });
    assert.equal(row?.rounds, 2);
    close(row?.ratio, 1.5);
  });

  it('claims nothing in profiles without verdicts', () => {
    for (const claims of ['nothing', 'suggests'] as const) {
      for (const row of compare(made([flat, about(150, 0.01)], about(100, 0.01)), {
        claims,
        baseline: 'sequential',
      })) {
        assert.deepEqual(
          [row.verdict, row.p_adjusted, row.sign_flip_p, row.more_rounds],
          [null, null, null, null],
        );
        assert.ok(row.ratio_low !== null && row.minimum_detectable_ratio !== null);
      }
    }
  });

  it('has no interval and no verdict after a single round', () => {
    const [row] = compare(made([[100], [150]]), { claims: 'verdicts', baseline: 'sequential' });
    assert.deepEqual([row?.rounds, row?.ratio_low, row?.verdict], [1, null, null]);
  });

  it('says how many more rounds would settle it, and they do', () => {
    const rates = (n: number) => [new Array<number>(n).fill(100), about(106, 0.06, n)];
    const row = rowOf(
      compare(made(rates(12)), { claims: 'verdicts', baseline: 'sequential' }),
      'sequential',
      1,
    );
    assert.equal(row.verdict, 'inconclusive');
    const after = 12 + (row.more_rounds as number);
    assert.equal(
      rowOf(
        compare(made(rates(after + (after % 2) + 2)), { claims: 'verdicts', baseline: 'sequential' }),
        'sequential',
        1,
      ).verdict,
      'faster',
    );
    assert.equal(
      rowOf(
        compare(made(rates(2 * Math.round(0.4 * after))), { claims: 'verdicts', baseline: 'sequential' }),
        'sequential',
        1,
      ).verdict,
      'inconclusive',
    );
  });
});

describe('stop rule', () => {
  const run = (spread: number, n: number) => made([new Array<number>(n).fill(100), about(100, spread, n)]);

  it('looks at rounds 12, 16, 20 …', () => {
    const stops = [4, 8, 11, 12, 13, 14, 15, 16, 18, 20].filter(
      (round) => enough(run(0.01, round), { round, baseline: 'sequential' }).stop,
    );
    assert.deepEqual(stops, [12, 16, 20]);
  });

  it('goes on while an interval is wide, and says so', () => {
    const { stop, unmet } = enough(run(0.2, 12), { round: 12, baseline: 'sequential' });
    assert.equal(stop, false);
    // The half-width is t 2.20099 · 0.2 · √(12 / 11) / √12: ± 14.2 %.
    assert.match(unmet.join(), /14\.2 %/);
    assert.deepEqual(enough(run(0.01, 12), { round: 12, baseline: 'sequential' }).unmet, []);
  });

  it('does not wait for a ratio that is far beyond the margin', () => {
    assert.equal(
      enough(made([new Array<number>(12).fill(100), about(400, 0.1)]), { round: 12, baseline: 'sequential' })
        .stop,
      true,
    );
  });
});

describe('equal cells, a sample of the simulation', () => {
  it('have no winner', () => {
    const claimed = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].filter((seed) =>
      compare(equalCells(12, seed), { claims: 'verdicts', baseline: 'sequential' }).some(
        ({ verdict }) => verdict === 'faster' || verdict === 'slower',
      ),
    );
    assert.ok(claimed.length <= 1, `${claimed}`);
  });

  it('have the same comparisons again', () => {
    const trials = suite({ rates: [100, 120, 140], rounds: 18, seed: 5 });
    assert.deepEqual(
      compare(trials, { claims: 'verdicts', baseline: 'sequential' }),
      compare(trials, { claims: 'verdicts', baseline: 'sequential' }),
    );
  });

  it('are covered by 95 % intervals', () => {
    const seeds = Array.from({ length: 120 }, (_, i) => i + 1);
    const covered = seeds.filter((seed) => {
      const [row] = compare(suite({ rates: [100, 130], rounds: 12, seed }), {
        claims: 'suggests',
        baseline: 'sequential',
      });
      return (row?.ratio_low as number) <= 1.3 && 1.3 <= (row?.ratio_high as number);
    });
    assert.ok(
      covered.length >= 0.88 * seeds.length && covered.length < seeds.length,
      `${covered.length} of ${seeds.length}`,
    );
  });
});

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
    const n = breakEvenDocuments({ startupMs: 300, rate: 400, sequentialRate: 250 }) as number;
    close(n, 200);
    close(n / 250, 0.3 + n / 400);
    assert.equal(breakEvenDocuments({ startupMs: 300, rate: 250, sequentialRate: 250 }), null);
    assert.equal(breakEvenDocuments({ startupMs: 300, rate: 100, sequentialRate: 250 }), null);
  });
});
