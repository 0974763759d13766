import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holm, paired } from '../../bench/stats/paired.js';
import type { ComparisonRow } from '../../bench/tables/comparison-columns.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { compare, verdictOn } from '../../bench/verdict/compare.js';
import { enough } from '../../bench/verdict/stop.js';
import { trial } from '../rows.js';
import { equalCells, suite } from '../simulate/suites.js';

const close = (actual: number | null | undefined, expected: number, tolerance = 1e-9) =>
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `expected ${expected}, got ${actual}`,
  );

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
    const noisy = { low: -0.77, high: -0.08, p: 0.03, margin: 2.78 };
    assert.equal(verdictOn(noisy), 'inconclusive', 'a wide margin shows no equality');
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

  it('names no cell as the best that has one lucky round', () => {
    const rows = compare(made([about(100, 0.01), about(190, 0.01), [230]]), {
      claims: 'verdicts',
      baseline: 'sequential',
    });
    const best = rows.filter(({ reference }) => reference === 'best');
    assert.ok(best.length > 0);
    for (const row of best) assert.deepEqual([row.reference_strategy, row.reference_workers], ['threads', 1]);
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

  it('says that one round gives no interval, instead of a width', () => {
    const [unmet] = enough(run(0.2, 1), { round: 1, baseline: 'sequential' }).unmet;
    assert.match(unmet ?? '', /no interval yet/);
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
