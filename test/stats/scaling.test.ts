import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leastSquares, nonNegativeLeastSquares } from '../../bench/stats/bounded-least-squares.js';
import { fitScaling, predict, type Scaling, type ScalingOptions } from '../../bench/stats/scaling.js';
import { integerPeak, type Parameters, peakOf, rateAt } from '../../bench/stats/throughput.js';
import { fitThroughput, levelsOf, type ScalingPoint } from '../../bench/stats/throughput-fit.js';
import { projectionTable, scalingTable } from '../../bench/tables/scaling-columns.js';
import type { Table } from '../../bench/tables/table.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { projectionRows, scalingRows, scalingSeries } from '../../bench/verdict/scaling.js';
import { trial } from '../rows.js';
import { type Design, law, noisyTrials } from '../simulate/trials.js';

const close = (actual: number | undefined, expected: number, tolerance: number) =>
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `expected ${expected} within ${100 * tolerance} %, got ${actual}`,
  );

const table = (rates: Record<number, number>): ScalingPoint[] =>
  Object.entries(rates).map(([workers, rate]) => ({ round: 1, workers: Number(workers), rate }));

const usual: Design = { levels: [1, 2, 3, 4, 6, 8], rounds: 12, sd: 0.03, seed: 1 };

function trialsOf(parameters: Partial<Parameters>, design: Partial<Design> = {}): ScalingPoint[] {
  return noisyTrials((workers) => rateAt(law(parameters), workers), { ...usual, ...design });
}

function fitted(points: ScalingPoint[], options: Partial<ScalingOptions> = {}): Scaling {
  const scaling = fitScaling(points, { cores: null, seed: 1, resamples: 400, ...options });
  if (scaling.state === 'none') assert.fail(scaling.reason);
  return scaling;
}

function refused(points: ScalingPoint[], options: Partial<ScalingOptions> = {}): string {
  const scaling = fitScaling(points, { cores: null, seed: 1, resamples: 400, ...options });
  assert.equal(scaling.state, 'none');
  return scaling.state === 'none' ? scaling.reason : '';
}

describe('the fit of the Universal Scalability Law', () => {
  const absolute = (points: ScalingPoint[]) =>
    fitThroughput({ model: 'usl' }, levelsOf(points, 'absolute'), { residuals: 'absolute' }).parameters;

  it('finds the parameters that points were computed from', () => {
    const truth = law({ lambda: 1, sigma: 0.02, kappa: 0.02 });
    const { lambda, sigma, kappa } = absolute(
      [1, 2, 4, 6, 8, 10].map((workers) => ({ round: 1, workers, rate: rateAt(truth, workers) })),
    );
    close(lambda, 1, 2e-4);
    close(sigma, 0.02, 2e-4);
    close(kappa, 0.02, 2e-4);
  });

  it('equals the published fit of specsdm91', () => {
    // SPEC SDM91 was measured on a Sun SPARCcenter 2000: N. J. Gunther, Guerrilla Capacity Planning (2007),
    // and the R package usl.
    const found = absolute(
      table({ 1: 64.9, 18: 995.9, 36: 1652.4, 72: 1853.2, 108: 1828.9, 144: 1775, 216: 1702.2 }),
    );
    close(found.sigma, 0.0277285, 2e-4);
    close(found.kappa, 0.000104365, 2e-4);
    close(found.lambda, 89.995, 2e-4);
    close(peakOf(found), 96.52, 2e-4);
  });

  it('is no worse than the best point of a dense grid', () => {
    for (const truth of [{ sigma: 0.05 }, { sigma: 0.03, kappa: 0.002 }, { sigma: 0, kappa: 0.01 }]) {
      const points = trialsOf(truth, { rounds: 3 });
      const { rss } = fitThroughput({ model: 'usl' }, levelsOf(points));
      assert.ok(rss <= smallestOnGrid(points) + 1e-12);
      close(rss, smallestOnGrid(points), 0.01);
    }
  });

  it('takes the whole number next to the peak that is higher', () => {
    // √(0.7/0.117) is 2.446: X(2) = 2/1.534 = 1.3038, X(3) = 3/2.302 = 1.3032.
    assert.equal(integerPeak(law({ sigma: 0.3, kappa: 0.117 })), 2);
    // √(1/0.16) = 2.5, which rounds to 3 and rounds down to 2: X(2) = 2/1.32 = 1.515, X(3) = 3/1.96 = 1.531.
    assert.equal(integerPeak(law({ kappa: 0.16 })), 3);
    // √(1/0.165) = 2.462 rounds to 2, but X(2) = 2/1.33 = 1.504 and X(3) = 3/1.99 = 1.508.
    assert.equal(integerPeak(law({ kappa: 0.165 })), 3);
    assert.equal(integerPeak(law({ sigma: 0.1 })), Number.POSITIVE_INFINITY);
  });
});

describe('least squares', () => {
  it('without negative entries equals the best of the solvable sets', () => {
    const rows = [1, 2, 3, 4].map((n) => [1, n - 1, n * (n - 1)]);
    const weights = [1, 2, 1, 3];
    const exact = rows.map(([a = 0, b = 0, c = 0]) => 2 * a + 0.5 * b + 0.25 * c);
    for (const [i, x] of (nonNegativeLeastSquares(rows, exact, { weights, always: 0 }) ?? []).entries())
      close(x, [2, 0.5, 0.25][i] ?? 0, 1e-9);
    // Falling y would need negative slopes. Without them, the weighted mean (1·4 + 2·3 + 1·2 + 3·1)/7 is
    // left.
    assert.deepEqual(nonNegativeLeastSquares(rows, [4, 3, 2, 1], { weights, always: 0 }), [15 / 7, 0, 0]);
  });

  it('within bounds ends at the bound or at the minimum', () => {
    // These are Rosenbrock's function as residuals; its minimum is 0 at (1, 1).
    const rosenbrock = ([x = 0, y = 0]: readonly number[]) => [10 * (y - x * x), 1 - x];
    const free = leastSquares(rosenbrock, [-1.2, 1], { low: [-2, -2], high: [2, 2] });
    close(free.at[0], 1, 1e-5);
    close(free.at[1], 1, 1e-5);
    // If x ≤ ½, the best point is x = ½, y = ¼, where (1 − ½)² is left.
    const bounded = leastSquares(rosenbrock, [-1.2, 1], { low: [-2, -2], high: [0.5, 2] });
    close(bounded.at[0], 0.5, 1e-6);
    close(bounded.at[1], 0.25, 1e-5);
    close(bounded.squares, 0.25, 1e-6);
  });
});

describe('what the levels allow', () => {
  it('two levels: nothing', () => {
    assert.match(refused(trialsOf({ sigma: 0.05 }, { levels: [1, 2] })), /2 levels.* needs 3/);
    assert.match(refused(trialsOf({}, { levels: [4] })), /1 level of/);
    assert.match(
      refused(trialsOf({}, { levels: [1, 2, 4] }), { cores: 2 }),
      /2 levels of workers up to 2 effective cores/,
    );
  });

  it('three levels: Amdahl only', () => {
    const scaling = fitted(trialsOf({ sigma: 0.05, kappa: 0.05 }, { levels: [1, 2, 4] }));
    assert.equal(scaling.fit.model, 'amdahl');
    assert.match(scaling.reason ?? '', /3 levels.*Amdahl/);
    assert.equal(scaling.peak, null);
  });

  it('levels above the cores are no part of a law on CPU work', () => {
    const points = trialsOf({ sigma: 0.05, cap: 4 }, { levels: [1, 2, 3, 4, 8, 16] });
    const scaling = fitted(points, { cores: 4 });
    assert.deepEqual(scaling.levels, [1, 2, 3, 4]);
    assert.equal(scaling.fit.trials, 48);
    assert.equal(scaling.reach, 4);
    assert.equal(predict(scaling, 5), null);
  });

  it('fewer than five rounds: no third parameter, no interval and no prediction', () => {
    const scaling = fitted(trialsOf({ sigma: 0.05, kappa: 0.02 }, { rounds: 4 }));
    assert.equal(scaling.fit.model, 'amdahl');
    assert.equal(scaling.intervals, null);
    assert.equal(predict(scaling, 4), null);
    assert.match(scaling.reason ?? '', /4 rounds/);
  });

  it('rates that cannot be are an error', () => {
    assert.throws(
      () => fitted(table({ 1: 10, 2: 20, 4: 0 })),
      /expected a rate above 0, got '0' with '4' workers/,
    );
  });
});

describe('two cores under 1, 2, 4 and 8 workers', () => {
  const points = [1, 2, 3, 4, 5].flatMap((round) =>
    Object.entries({ 1: 100, 2: 192, 4: 190, 8: 184 }).map(([workers, rate], i) => {
      return { round, workers: Number(workers), rate: rate * (1 + 0.005 * (((round * 7 + i * 3) % 5) - 2)) };
    }),
  );

  it('refuse the Universal Scalability Law, are described, and recommend 2 workers', () => {
    const scaling = fitted(points, { cores: 2 });
    assert.equal(scaling.fit.model, 'capped');
    assert.equal(scaling.fit.parameters.cap, 2);
    close(scaling.fit.parameters.delta, Math.log2(192 / 184) / 2, 0.4);
    assert.equal(scaling.recommended, 2);
    assert.equal(scaling.peak, null);
  });

  it('would have come out as 4 workers by that law', () => {
    assert.equal(integerPeak(fitThroughput({ model: 'usl' }, levelsOf(points)).parameters), 4);
  });

  it('are described and not extrapolated', () => {
    const scaling = fitted(points, { cores: 2 });
    close(predict(scaling, 8)?.rate, 184, 0.02);
    assert.equal(predict(scaling, 9), null);
  });
});

describe('the chosen law', () => {
  it('is the true one, and its intervals hold the truth', () => {
    for (const [model, truth] of [
      ['amdahl', { sigma: 0.05 }],
      ['usl', { sigma: 0.05, kappa: 0.02 }],
      ['capped', { sigma: 0.02, cap: 4, delta: 0.1 }],
    ] as const) {
      const scaling = fitted(trialsOf(truth, { sd: 0.01 }));
      assert.equal(scaling.fit.model, model);
      for (const [name, range] of Object.entries(scaling.intervals ?? {})) {
        const value = law(truth)[name as keyof Parameters];
        assert.ok(
          range.low <= value && value <= range.high,
          `${model}: ${name} ${value} is outside ${range.low}–${range.high}`,
        );
      }
      assert.ok(scaling.intervals && scaling.intervals.sigma.high - scaling.intervals.sigma.low < 0.04);
    }
  });

  it('has a peak only where there is one', () => {
    const seeds = [1, 2, 3, 4, 5, 6];
    const peaks = (truth: Partial<Parameters>) =>
      seeds.map((seed) => fitted(trialsOf(truth, { seed }), { resamples: 200 }).peak);
    // √(0.95/0.02) = 6.9; of the six 95 % intervals one may miss it.
    const found = peaks({ sigma: 0.05, kappa: 0.02 });
    for (const peak of found) assert.ok(peak && peak.workers >= 6 && peak.workers <= 8);
    assert.ok(found.filter((peak) => peak && peak.range.low <= 6.9 && 6.9 <= peak.range.high).length >= 5);
    assert.deepEqual(peaks({ sigma: 0.05 }), [null, null, null, null, null, null]);
  });

  it('has no peak where resampled rounds do without one, whatever a single fit says', () => {
    // Found among 150 seeds: by AICc and by the likelihood ratio, 8.08, κ is not 0, though it is.
    const points = trialsOf({ sigma: 0.05 }, { levels: [1, 2, 4, 8], rounds: 5, sd: 0.1, seed: 72 });
    const { fit, intervals, peak, reach } = fitted(points);
    assert.equal(fit.model, 'usl');
    assert.ok(integerPeak(fit.parameters) <= reach);
    assert.equal(intervals?.kappa.low, 0);
    assert.equal(peak, null);
  });

  it('says so when throughput rises faster than the workers', () => {
    const points = noisyTrials((workers) => 100 * workers ** 1.1, usual);
    assert.match(fitted(points).reason ?? '', /faster than the workers/);
    assert.equal(fitted(trialsOf({ sigma: 0.02 })).reason, null);
  });

  it('is the same for the same seed', () => {
    const points = trialsOf({ sigma: 0.05, kappa: 0.005 });
    assert.deepEqual(fitted(points, { seed: 7 }), fitted(points, { seed: 7 }));
    assert.notDeepEqual(fitted(points, { seed: 7 }).intervals, fitted(points, { seed: 8 }).intervals);
  });
});

describe('predictions', () => {
  it('reach to twice the largest level, with intervals that widen', () => {
    const scaling = fitted(trialsOf({ sigma: 0.05 }));
    const [inside, outside] = [predict(scaling, 8), predict(scaling, 16)];
    assert.ok(inside && outside);
    assert.deepEqual([inside.extrapolated, outside.extrapolated], [false, true]);
    for (const { rate, curve, trial } of [inside, outside])
      assert.ok(trial.low < curve.low && curve.low <= rate && rate <= curve.high && curve.high < trial.high);
    assert.ok(outside.curve.high / outside.curve.low > inside.curve.high / inside.curve.low);
    assert.equal(predict(scaling, 17), null);
    assert.equal(predict(scaling, 0), null);
  });

  it('for a new trial have the width of t with the noise of a trial', () => {
    // 200 rounds make the curve known, and only the noise of a trial is left: ±1.96 · 3 %.
    const scaling = fitted(trialsOf({ sigma: 0.05 }, { rounds: 200 }), { resamples: 50 });
    const { rate, trial } = predict(scaling, 4) ?? assert.fail();
    close(Math.log(trial.high / rate), 1.96 * 0.03, 0.1);
    close(Math.log(rate / trial.low), 1.96 * 0.03, 0.1);
  });
});

describe('rows', () => {
  const rows = (points: ScalingPoint[], columns: Partial<TrialRow>): TrialRow[] =>
    points.map(({ round, workers, rate }) =>
      trial({ round, workers, documents_per_second: rate, ...columns }),
    );
  const llm = { workload: 'llm-extract', kind: 'io', strategy: 'async' };
  const options = { effectiveCores: 2, seed: 1, resamples: 400 };
  const queue = rows(trialsOf({ lambda: 5, sigma: 0.01, cap: 4 }, { sd: 0.02 }), llm);
  const cpu = rows(trialsOf({ sigma: 0.05, cap: 2 }, { levels: [1, 2, 4, 8] }), {
    strategy: 'thread-pool',
    delivery: 'clone',
  });

  it('tell where a server that answers four requests at once stops gaining', () => {
    const [row] = scalingRows(scalingSeries(queue, options));
    assert.equal(row?.model, 'capped');
    assert.equal(row.levels, '1 2 3 4 6 8');
    assert.ok((row.cap_low ?? 9) <= 4 && 4 <= (row.cap_high ?? 0));
    close(row.cap ?? 0, 4, 0.1);
    assert.equal(row.kappa, null);
    assert.equal(row.recommended_workers, 4);
  });

  it('have exactly the columns of their tables, unknown where nothing is known', () => {
    const small = rows(trialsOf({}, { levels: [1, 2] }), { strategy: 'process-pool' });
    const series = scalingSeries([...queue, ...cpu, ...small], options);
    const names = ({ columns }: Table) => columns.map(({ name }) => name).sort();
    for (const row of scalingRows(series)) assert.deepEqual(Object.keys(row).sort(), names(scalingTable));
    for (const row of projectionRows(scalingSeries(queue, options), {
      documents: 1,
      deadlineHours: 1,
      workers: [1],
    }))
      assert.deepEqual(Object.keys(row).sort(), names(projectionTable));
    const [, capped, none] = scalingRows(series);
    assert.deepEqual(
      [capped?.model, capped?.cap, capped?.cap_low, capped?.recommended_workers],
      ['capped', 2, null, 2],
    );
    assert.deepEqual(
      [none?.model, none?.levels, none?.lambda, none?.recommended_workers],
      ['none', '1 2', null, null],
    );
    assert.match(none?.reason ?? '', /2 levels/);
  });

  it('leave out twins, trials that are not ok and what ran with one worker', () => {
    const noise = [
      trial({ ...llm, workers: 4, documents_per_second: 1, twin: 'A/A' }),
      trial({ ...llm, workers: 16, documents_per_second: 1, status: 'void', reason: 'steal' }),
      ...rows(trialsOf({}, { levels: [1] }), { strategy: 'sequential' }),
    ];
    assert.deepEqual(
      scalingRows(scalingSeries([...queue, ...noise], options)),
      scalingRows(scalingSeries(queue, options)),
    );
  });

  it('project within reach only, in hours', () => {
    const scales = rows(trialsOf({ sigma: 0.05 }), llm);
    const series = scalingSeries([...scales, ...cpu], options);
    const found = projectionRows(series, {
      documents: 3_600_000,
      deadlineHours: 0.5,
      workers: [4, 8, 16, 17, 32],
    });
    assert.deepEqual(
      found.map(({ strategy, workers, extrapolated }) => [strategy, workers, extrapolated]),
      [
        ['async', 4, false],
        ['async', 8, false],
        ['async', 16, true],
        ['thread-pool', 4, false],
        ['thread-pool', 8, false],
      ],
    );
    for (const row of found) {
      close(row.hours, 1000 / row.documents_per_second, 1e-9);
      assert.ok(row.hours_low < row.hours && row.hours < row.hours_high);
      close(row.hours_high, 1000 / row.documents_per_second_low, 1e-9);
      assert.equal(row.machines, Math.ceil(row.hours / 0.5));
      assert.deepEqual(
        [row.machines_low, row.machines_high],
        [row.hours_low, row.hours_high].map((hours) => Math.ceil(hours / 0.5)),
      );
    }
    // 100·4/(1 + 0.05·3) documents a second
    close(found[0]?.hours, 1000 / 347.8, 0.03);
  });
});

/**
 * Finds the smallest sum of squared log residuals over a grid of σ and κ in steps of 0.001 and 0.0002. For
 * each, λ is the geometric mean of the rest.
 */
function smallestOnGrid(points: ScalingPoint[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let sigma = 0; sigma <= 0.1; sigma += 0.001) {
    for (let kappa = 0; kappa <= 0.02; kappa += 0.0002) {
      const logs = points.map(({ workers: n, rate }) =>
        Math.log((rate / n) * (1 + sigma * (n - 1) + kappa * n * (n - 1))),
      );
      const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
      smallest = Math.min(
        smallest,
        logs.reduce((sum, value) => sum + (value - mean) ** 2, 0),
      );
    }
  }
  return smallest;
}
