import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finals, screening, timingFor } from '../../bench/pick/race/timings.js';
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
      const slowWarmupMs = raceMs / 40;
      assert.deepEqual(timing.screening, { ...screening, slowWarmupMs });
      // Two finalists and the baseline, five times.
      const fits = 15 * trialMs(long) <= 0.4 * raceMs;
      assert.deepEqual(timing.final, { ...(fits ? long : short), slowWarmupMs }, `${raceMs} ms`);
    }
    assert.ok(screening.warmupMs >= 300 && short.warmupMs >= screening.warmupMs);
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
