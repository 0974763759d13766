import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { Allotter, optimal, predictedRate } from '../../control/allotment.js';
import { type SimulatedStage, Tandem } from './tandem.js';

describe('the best split of workers', () => {
  it('has no better one among all splits', () => {
    const random = xoroshiro128plus(7);
    for (let round = 0; round < 200; round++) {
      const stages = Array.from({ length: 3 }, () => ({
        serviceMs: 1 + 50 * uniformFloat64(random),
        ratio: 0.2 + 3 * uniformFloat64(random),
      }));
      const best = Math.max(...splits(3, 9).map((split) => predictedRate(stages, split)));
      assert.equal(predictedRate(stages, optimal(stages, 9)), best);
    }
  });

  it('leaves workers over where every stage is full, and does not wait for a full stage', () => {
    const stages = [
      { serviceMs: 1, ratio: 1 },
      { serviceMs: 100, ratio: 1, capacity: 2 },
    ];
    assert.deepEqual(optimal(stages, 6), [4, 2]);
    assert.deepEqual(optimal([{ serviceMs: 1, ratio: 1, capacity: 2 }], 6), [2]);
  });

  it('needs a worker for each stage', () => {
    const stages = [10, 20, 30].map((serviceMs) => ({ serviceMs, ratio: 1 }));
    assert.throws(() => optimal(stages, 2), /expected at least one worker for each of 3 stages, but got 2/);
  });
});

describe('the allotter', () => {
  it('finds 1, 4 and 2 workers for stages of 10, 40 and 20 ms in three allotments', () => {
    const run = simulate({ stages: [10, 40, 20].map(noisy(0.15, 1)), workers: 7 });
    run.seconds(10);
    assert.deepEqual(run.allotter.workers, [1, 4, 2]);
    assert.ok(run.whys.length <= 3, run.whys.join('\n'));
    assert.ok(run.share(10, run.bound([10, 40, 20])) >= 0.95);
    assert.match(run.whys[0] as string, /^workers: .*encode 2 → 4.*expected .* documents\/s \(a document/);
  });

  it('gives all workers while a stage has yet to start', () => {
    const slow = { ...noisy(0.15, 2)(21, 1), startMs: 1000 };
    const run = simulate({ stages: [noisy(0.15, 1)(17, 0), slow], workers: 16 });
    for (let second = 0; second < 6; second++) {
      run.seconds(1);
      assert.equal(
        run.allotter.workers.reduce((sum, n) => sum + n),
        16,
      );
    }
    assert.deepEqual(run.allotter.workers, [7, 9]);
    assert.ok(run.share(5, run.bound([17, 21])) >= 0.95);
    assert.ok(run.whys.length <= 1, run.whys.join('\n'));
  });

  it('answers a stage that becomes four times slower within five seconds', () => {
    for (const seed of [1, 2, 3]) {
      const calm = noisy(0.15, seed);
      const stages = [calm(20, 0), calm(20, 1), calm(20, 2)];
      const steps = stages.map((stage, i) => ({
        serviceMs: (nowMs: number) => stage.serviceMs(nowMs) * (i === 1 && nowMs >= 20_000 ? 4 : 1),
      }));
      const run = simulate({ stages: steps, workers: 12 });
      run.seconds(20);
      assert.deepEqual(run.allotter.workers, [4, 4, 4]);
      assert.deepEqual(run.whys, []);
      run.seconds(5);
      assert.deepEqual(run.allotter.workers, [2, 8, 2]);
      assert.ok(run.share(5, run.bound([20, 80, 20])) >= 0.95);
    }
  });

  it('moves at most once a minute under a steady load', () => {
    const random = xoroshiro128plus(11);
    for (let seed = 1; seed <= 20; seed++) {
      const times = [0, 1, 2].map(() => 5 + 60 * uniformFloat64(random));
      const exponential = seed % 4 === 0;
      const stages = times.map((ms, i) => (exponential ? drawn(ms, seed * 8 + i) : noisy(0.15, seed)(ms, i)));
      const run = simulate({ stages, workers: 11 });
      run.seconds(10);
      const converged = run.whys.length;
      run.seconds(60);
      assert.ok(run.whys.length - converged <= 1, `seed ${seed}: ${run.whys.join('\n')}`);
      assert.ok(converged <= 3, `seed ${seed}: ${run.whys.join('\n')}`);
    }
  });

  it('counts documents that a stage drops or adds', () => {
    const allotter = new Allotter({ stages: [{ name: 'split' }, { name: 'embed' }], workers: 9 });
    for (let i = 0; i < 20; i++) {
      allotter.observe({ stage: 0, documents: 1, values: 8, busyMs: 10 });
      allotter.observe({ stage: 1, documents: 8, values: 8, busyMs: 80 });
    }
    assert.deepEqual(allotter.decide(0)?.workers, [1, 8]);
    assert.equal(allotter.decide(1000), null);
  });

  it('decides at most once a second, and nothing before every stage has been seen', () => {
    const allotter = new Allotter({ stages: [{ name: 'load' }, { name: 'write' }], workers: 4 });
    const calls = (writeMs: number) => {
      for (let i = 0; i < 50; i++) {
        allotter.observe({ stage: 0, documents: 1, values: 1, busyMs: 10 });
        if (writeMs > 0) allotter.observe({ stage: 1, documents: 1, values: 1, busyMs: writeMs });
      }
    };
    calls(0);
    assert.equal(allotter.decide(0), null);
    calls(40);
    assert.deepEqual(allotter.decide(1000)?.workers, [1, 3]);
    calls(1);
    assert.equal(allotter.decide(1999), null);
    assert.deepEqual(allotter.decide(2000)?.workers, [3, 1]);
  });
});

it('a bounded queue between two stages of exponential service has the known rate', () => {
  for (const places of [1, 4, 16]) {
    const meanMs = 10;
    const tandem = new Tandem({
      stages: [drawn(meanMs, 2 * places), drawn(meanMs, 2 * places + 1)],
      workers: [1, 1],
      places,
    });
    const documents = 100_000;
    tandem.runDocuments(documents);
    const known = (places + 2) / (places + 3);
    const share = ((documents / tandem.nowMs) * meanMs) / known;
    assert.ok(Math.abs(share - 1) < 0.03, `${places} places: ${share} of the known rate`);
  }
});

const names = ['load', 'encode', 'write'];

function simulate({ stages, workers }: { stages: readonly SimulatedStage[]; workers: number }) {
  const allotter = new Allotter({
    stages: stages.map((_, i) => ({ name: names[i] as string })),
    workers,
  });
  const tandem = new Tandem({
    stages,
    workers: allotter.workers,
    places: 16,
    onDone: ({ stage, busyMs }) => allotter.observe({ stage, documents: 1, values: 1, busyMs }),
  });
  const whys: string[] = [];
  return {
    allotter,
    whys,
    seconds(count: number) {
      for (let second = 0; second < count; second++) {
        tandem.runUntil(tandem.nowMs + 1000);
        const decided = allotter.decide(tandem.nowMs);
        if (decided === null) continue;
        tandem.allot(decided.workers);
        whys.push(decided.why);
      }
    },
    /** Returns the rate over the next seconds ÷ the bound, without new allotments. */
    share(seconds: number, bound: number): number {
      const before = tandem.finished;
      tandem.runUntil(tandem.nowMs + 1000 * seconds);
      return (tandem.finished - before) / seconds / bound;
    },
    bound(times: readonly number[]): number {
      const loads = times.map((serviceMs) => ({ serviceMs, ratio: 1 }));
      return predictedRate(loads, optimal(loads, workers));
    },
  };
}

/** Draws times with normal noise of this share, never below a tenth. */
function noisy(share: number, seed: number) {
  return (meanMs: number, i: number): SimulatedStage => {
    const random = xoroshiro128plus(seed * 31 + i);
    return {
      serviceMs() {
        const normal =
          Math.sqrt(-2 * Math.log1p(-uniformFloat64(random))) *
          Math.cos(2 * Math.PI * uniformFloat64(random));
        return meanMs * Math.max(1 + share * normal, 0.1);
      },
    };
  };
}

function drawn(meanMs: number, seed: number): SimulatedStage {
  const random = xoroshiro128plus(seed + 1);
  return { serviceMs: () => -meanMs * Math.log1p(-uniformFloat64(random)) };
}

function splits(stages: number, workers: number): number[][] {
  if (stages === 1) return [[workers]];
  return Array.from({ length: workers - stages + 1 }, (_, i) => i + 1).flatMap((first) =>
    splits(stages - 1, workers - first).map((rest) => [first, ...rest]),
  );
}
