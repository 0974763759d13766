import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finals, screening, slowFirst, timingFor, usualFirst } from '../../bench/pick/race/timings.js';
import { estimateTrialMs } from '../../bench/trials/timing.js';
import { computing, configurations } from './support.js';

const racing = configurations('cpu', computing).map(({ cell }) => cell);
const usual = { cores: 2, maxCalls: null, remembers: false };
const trialMs = (timing: (typeof finals)[number]) =>
  racing.reduce((sum, cell) => sum + estimateTrialMs(cell, timing, 2), 0) / racing.length;

describe('the timing of a race', () => {
  it('has warm trials however short the time is, and a longer clock in the final where it fits', () => {
    const [long, short] = finals;
    for (let raceMs = 1000; raceMs < 200_000; raceMs *= 1.3) {
      const timing = timingFor(racing, { ...usual, raceMs });
      assert.deepEqual(timing.screening, screening);
      // Two finalists and the baseline, five times.
      const fits = 15 * trialMs(long) <= 0.4 * raceMs;
      assert.deepEqual(timing.final, fits ? long : short, `${raceMs} ms`);
      assert.deepEqual(timing.firstBlock, usualFirst);
    }
    assert.ok(screening.warmupMs >= 300 && short.warmupMs >= screening.warmupMs);
  });

  it('has long warm-ups and clocks, and fewer configurations, for a task that is slow to warm up', () => {
    const cells = racing.map((cell) => ({ ...cell, corpus: { ...cell.corpus, neededWarmupMs: 5000 } }));
    const timing = timingFor(cells, { ...usual, raceMs: 100_000 });
    assert.equal(timing.screening.slowWarmupMs, 2500);
    assert.equal(timing.screening.timeMs, timing.final.timeMs);
    assert.deepEqual(timing.final, { ...finals[0], slowWarmupMs: 2500 });
    assert.deepEqual(timing.firstBlock, slowFirst);
    // Less time than the usual warm-up takes is no longer one.
    assert.deepEqual(timingFor(cells, { ...usual, raceMs: 20_000 }).firstBlock, usualFirst);
  });

  it('counts calls and is short where the task may not be called often', () => {
    const timing = timingFor(racing, { ...usual, raceMs: 1e9, maxCalls: 1000 });
    for (const { countsCalls, slowWarmupMs } of [timing.screening, timing.final]) {
      assert.equal(countsCalls, true);
      assert.equal(slowWarmupMs, undefined);
    }
    assert.ok(timing.screening.warmupMs < screening.warmupMs && timing.final.timeMs < finals[0].timeMs);
  });

  it('has neither a warm-up nor a second pass for a task that remembers results', () => {
    for (const maxCalls of [null, 1000]) {
      const { screening, final } = timingFor(racing, { ...usual, raceMs: 1e9, maxCalls, remembers: true });
      for (const { timeMs, warmupMs, countsCalls = false } of [screening, final])
        assert.deepEqual([timeMs, warmupMs, countsCalls], [0, 0, maxCalls !== null]);
    }
  });
});
