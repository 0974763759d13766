import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import {
  type CostLaw,
  type Metg,
  metg,
  metgModel,
  type SizedTask,
  type SweepPoint,
  sizeAtGranularity,
} from '../../bench/stats/metg.js';

const close = (actual: number | null, expected: number, tolerance: number) =>
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `expected ${expected} within ${100 * tolerance} %, got ${actual}`,
  );

type Machine = Omit<CostLaw, 'e'>;

interface Design {
  readonly rounds: number;
  /** Logarithms of trials' times scatter with this standard deviation. */
  readonly sd: number;
  /** The common part of a round's trials scatters with this standard deviation. */
  readonly roundSd: number;
  readonly seed: number;
}

const exact: Design = { rounds: 1, sd: 0, roundSd: 0, seed: 1 };
const noisy: Design = { rounds: 8, sd: 0.08, roundSd: 0.04, seed: 1 };

/** Tasks of 1 µs to 65 ms, timed by the cost law that the closed form is derived from. */
function sweep(machine: Machine, { rounds, sd, roundSd, seed }: Design = exact): SweepPoint[] {
  const generator = xoroshiro128plus(seed);
  // Box and Muller's transform makes a normal value of two uniform ones.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator))) *
    Math.cos(2 * Math.PI * uniformFloat64(generator));
  return Array.from({ length: rounds }, (_, i) => {
    const common = roundSd * normal();
    return Array.from({ length: 17 }, (_, power) => {
      const workUs = 2 ** power;
      const granularityUs = taskOfACore(machine, workUs) * Math.exp(common + sd * normal());
      return { round: i + 1, iterations: 100 * workUs, granularityUs, efficiency: workUs / granularityUs };
    });
  }).flat();
}

/**
 * T · M / n, µs: the dispatcher and the workers each take their time, and the slower of them sets the pace.
 */
function taskOfACore({ serialUs, overheadUs, workers, cores }: Machine, workUs: number): number {
  const busy = Math.min(workers, cores);
  const ofWorker = workUs + overheadUs + (workers < cores ? 0 : serialUs);
  return busy * Math.max(serialUs, ofWorker / busy);
}

/** One round of points with these efficiencies, the granularity doubling from 10 µs. */
function curve(...efficiencies: number[]): SweepPoint[] {
  return efficiencies.map((efficiency, i) => ({
    round: 1,
    iterations: 2 ** i,
    granularityUs: 10 * 2 ** i,
    efficiency,
  }));
}

function found(points: readonly SweepPoint[], e: number, seed = 1): Extract<Metg, { kind: 'found' }> {
  const result = metg(points, { e, seed });
  return result.kind === 'found' ? result : assert.fail(JSON.stringify(result));
}

function refused(points: readonly SweepPoint[], e = 0.5): string {
  const result = metg(points, { e, seed: 1 });
  return result.kind === 'refused' ? result.reason : assert.fail(JSON.stringify(result));
}

const machines: Record<string, Machine> = {
  'workers’ overhead, dispatcher on its own core': { serialUs: 3, overheadUs: 45, workers: 4, cores: 8 },
  'the serial dispatcher, on its own core': { serialUs: 60, overheadUs: 5, workers: 7, cores: 8 },
  'both together, on shared cores': { serialUs: 12, overheadUs: 20, workers: 2, cores: 2 },
  'more workers than cores': { serialUs: 12, overheadUs: 20, workers: 8, cores: 2 },
  'a fraction of a core': { serialUs: 10, overheadUs: 30, workers: 4, cores: 2.5 },
};

describe('METG of a sweep', () => {
  for (const [what, machine] of Object.entries(machines)) {
    it(`equals the closed form, limited by ${what}`, () => {
      close(found(sweep(machine), 0.5).granularityUs, metgModel({ ...machine, e: 0.5 }), 0.02);
      // Granularity is constant up to the knee, where the dispatcher no longer sets the pace. The line across
      // the knee is not constant.
      const knee =
        metgModel({ ...machine, e: 0.8 }) === Math.min(machine.workers, machine.cores) * machine.serialUs;
      close(found(sweep(machine), 0.8).granularityUs, metgModel({ ...machine, e: 0.8 }), knee ? 0.13 : 0.04);
    });
  }

  it('equals the closed form wherever the knee of a serial dispatcher lies between two points', () => {
    for (let serialUs = 20; serialUs < 40; serialUs += 0.5) {
      const machine = { serialUs, overheadUs: 0, workers: 7, cores: 8 };
      close(found(sweep(machine), 0.5).granularityUs, 7 * serialUs, 1e-9);
      const { granularityUs } = found(sweep(machine), 0.8);
      assert.ok(
        granularityUs >= 7 * serialUs * (1 - 1e-9) && granularityUs <= 1.13 * 7 * serialUs,
        `${granularityUs / 7 / serialUs}`,
      );
    }
  });

  it('equals the closed form wherever the overhead lies between two points of the sweep', () => {
    for (let overheadUs = 20; overheadUs < 40; overheadUs += 0.5) {
      const machine = { serialUs: 0, overheadUs, workers: 2, cores: 4 };
      close(found(sweep(machine), 0.5).granularityUs, 2 * overheadUs, 0.02);
      close(found(sweep(machine), 0.8).granularityUs, 5 * overheadUs, 0.04);
    }
  });

  it('is interpolated in the logarithm of granularity', () => {
    // 50 % lies half way between 10 µs at 30 % and 40 µs at 70 %, and √(10 · 40) is 20.
    const points = [
      { round: 1, iterations: 1, granularityUs: 10, efficiency: 0.3 },
      { round: 1, iterations: 4, granularityUs: 40, efficiency: 0.7 },
    ];
    close(found(points, 0.5).granularityUs, 20, 1e-12);
    close(found(points.toReversed(), 0.5).granularityUs, 20, 1e-12);
  });

  it('is a point of the sweep that reaches the efficiency exactly', () => {
    close(found(curve(0.2, 0.5, 0.7), 0.5).granularityUs, 20, 1e-9);
  });

  it('counts the crossing from which on all longer tasks reach the efficiency', () => {
    // 20 µs reach it and 40 µs do not: the crossing lies between 40 and 80, at (0.5 − 0.4)/(0.6 − 0.4).
    close(found(curve(0.3, 0.6, 0.4, 0.6, 0.9), 0.5).granularityUs, 40 * Math.SQRT2, 1e-9);
  });

  it('averages rounds geometrically', () => {
    const twice = (factor: number, round: number) =>
      curve(0.1, 0.2, 0.4, 0.8).map((point) => ({
        ...point,
        round,
        granularityUs: point.granularityUs * factor,
        efficiency: point.efficiency / factor,
      }));
    const both = found([...twice(1.2, 1), ...twice(1 / 1.2, 2)], 0.5);
    close(both.granularityUs, found(curve(0.1, 0.2, 0.4, 0.8), 0.5).granularityUs, 1e-9);
  });

  it('is at most the shortest tasks of a sweep that all reach it', () => {
    assert.deepEqual(metg(curve(0.5, 0.7, 0.9), { e: 0.5, seed: 1 }), {
      kind: 'below',
      granularityUs: Math.exp(Math.log(10)),
    });
  });

  it('is not lower for a higher efficiency', () => {
    const rising = fc
      .array(fc.double({ min: 0.001, max: 1.4, noNaN: true }), { minLength: 2, maxLength: 20 })
      .map((efficiencies) => curve(...efficiencies.toSorted((a, b) => a - b)));
    const place = (result: Metg) =>
      result.kind === 'refused' ? Number.POSITIVE_INFINITY : result.granularityUs;
    fc.assert(
      fc.property(
        rising,
        (points) =>
          place(metg(points, { e: 0.8, seed: 1 })) >= place(metg(points, { e: 0.5, seed: 1 })) * (1 - 1e-12),
      ),
    );
  });
});

describe('the interval of METG', () => {
  const machine: Machine = { serialUs: 12, overheadUs: 20, workers: 2, cores: 2 };

  for (const e of [0.5, 0.8]) {
    it(`covers the truth in 90 to 99 % of 300 noisy sweeps at ${100 * e} %`, () => {
      const truth = metgModel({ ...machine, e });
      let covered = 0;
      for (let seed = 1; seed <= 300; seed++) {
        const { interval } = found(sweep(machine, { ...noisy, seed }), e, seed);
        if (interval?.low != null && interval.high != null && interval.low <= truth && truth <= interval.high)
          covered++;
      }
      assert.ok(covered >= 270 && covered <= 297, `${covered} of 300`);
    });
  }

  it('lies around the estimate, the same for the same seed', () => {
    const points = sweep(machine, noisy);
    const { granularityUs, interval } = found(points, 0.5, 7);
    assert.ok(interval && (interval.low ?? 0) < granularityUs && granularityUs < (interval.high ?? 0));
    assert.deepEqual(found(points, 0.5, 7).interval, interval);
    assert.notDeepEqual(found(points, 0.5, 8).interval, interval);
  });

  it('needs three rounds', () => {
    assert.equal(found(sweep(machine, { ...noisy, rounds: 2 }), 0.5).interval, null);
    assert.notEqual(found(sweep(machine, { ...noisy, rounds: 3 }), 0.5).interval, null);
  });

  it('has no end where resampled rounds leave the sweep', () => {
    const three = (first: number[], second: number[], third: number[]) =>
      [first, second, third].flatMap((efficiencies, i) =>
        curve(...efficiencies).map((point) => ({ ...point, round: i + 1 })),
      );
    const low = found(three([0.55, 0.9], [0.4, 0.9], [0.4, 0.9]), 0.5).interval;
    assert.equal(low?.low, null);
    assert.ok((low?.high ?? 0) > 10);
    const high = found(three([0.1, 0.48], [0.1, 0.6], [0.1, 0.6]), 0.5).interval;
    assert.equal(high?.high, null);
    assert.ok((high?.low ?? 0) > 10);
  });
});

describe('what no METG is given for', () => {
  it('a sweep that never reaches the efficiency, or loses it in the end', () => {
    assert.equal(
      refused(curve(0.1, 0.3, 0.456)),
      'the longest tasks of the sweep reach 45.6 %, less than 50 %',
    );
    assert.match(refused(curve(0.1, 0.7, 0.4)), /reach 40 %, less than 50 %/);
  });

  it('an efficiency that cannot be', () => {
    assert.match(
      refused(curve(0.1, 0.7, 1.5)),
      /efficiency 1.50 in round 1 at 4 iterations: the calibration of the work is wrong/,
    );
    assert.equal(metg(curve(0.1, 0.7, 1.49), { e: 0.5, seed: 1 }).kind, 'found');
  });

  it('fewer than two points', () => {
    assert.match(refused([]), /needs 2 lengths of tasks, the sweep has 0/);
    assert.match(refused(curve(0.7)), /the sweep has 1/);
  });

  it('rounds that swept different tasks', () => {
    const other = curve(0.1, 0.5, 0.9, 0.95).map((point) => ({ ...point, round: 2 }));
    assert.match(
      refused([...curve(0.1, 0.5, 0.9), ...other]),
      /round 2 swept 1, 2, 4, 8 iterations, round 1 swept 1, 2, 4/,
    );
  });

  it('numbers that are none are an error', () => {
    assert.throws(
      () => metg(curve(0.1, 0), { e: 0.5, seed: 1 }),
      /expected efficiency above 0, got '0' in round '1' at '2' iterations/,
    );
    assert.throws(
      () => metg(curve(0.1, 0.9), { e: 50, seed: 1 }),
      /expected an efficiency between 0 and 1, got '50'/,
    );
    assert.throws(
      () => metg([...curve(0.1, 0.9), ...curve(0.2)], { e: 0.5, seed: 1 }),
      /got '1' twice in round '1'/,
    );
  });
});

describe('the size at a granularity', () => {
  const linear: SizedTask[] = [1e3, 1e4, 1e5].map((bytes) => ({ bytes, taskUs: bytes / 100 }));
  const steeper: SizedTask[] = [1e3, 1e4, 1e5].map((bytes) => ({ bytes, taskUs: 1e-5 * bytes ** 1.5 }));

  it('is exact for a power law, between points and a little beyond', () => {
    close(sizeAtGranularity(linear, 50), 5e3, 1e-9);
    close(sizeAtGranularity(linear, 100), 1e4, 1e-9);
    close(sizeAtGranularity(linear.toReversed(), 1900), 190e3, 1e-9);
    close(sizeAtGranularity(linear, 6), 600, 1e-9);
    close(sizeAtGranularity(steeper, 1e-5 * 5e4 ** 1.5), 5e4, 1e-9);
  });

  it('is unknown beyond twice the largest and half the smallest size', () => {
    assert.equal(sizeAtGranularity(linear, 2010), null);
    assert.equal(sizeAtGranularity(linear, 4.9), null);
  });

  it('is unknown without two sizes, or where the times lead nowhere', () => {
    assert.equal(sizeAtGranularity([], 50), null);
    assert.equal(sizeAtGranularity([{ bytes: 1e4, taskUs: 100 }], 100), null);
    const flat = [...linear, { bytes: 2e5, taskUs: 1000 }];
    assert.equal(sizeAtGranularity(flat, 1500), null);
    const falling = [...linear, { bytes: 2e5, taskUs: 900 }];
    assert.equal(sizeAtGranularity(falling, 1500), null);
  });

  it('is the one from which on all larger documents take as long', () => {
    const wavy = [
      { bytes: 1e3, taskUs: 60 },
      { bytes: 1e4, taskUs: 40 },
      { bytes: 1e5, taskUs: 90 },
    ];
    close(sizeAtGranularity(wavy, 60), 10 ** (4 + Math.log(60 / 40) / Math.log(90 / 40)), 1e-9);
  });

  it('leaves empty documents out, and refuses a size given twice', () => {
    close(sizeAtGranularity([{ bytes: 0, taskUs: 3 }, ...linear], 50), 5e3, 1e-9);
    assert.throws(
      () => sizeAtGranularity([...linear, { bytes: 1e4, taskUs: 90 }], 50),
      /got '10000' bytes twice/,
    );
  });
});
