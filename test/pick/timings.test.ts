import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { longest, shortest, timingFor } from '../../bench/pick/race/timings.js';
import { estimateTrialMs, type Timing } from '../../bench/trials/timing.js';
import { computing, configurations } from './support.js';

const racing = configurations('cpu', computing).map(({ cell }) => cell);
const usual = { cores: 2, maxCalls: null, remembers: false };
const blockMs = (timing: Timing) => racing.reduce((sum, cell) => sum + estimateTrialMs(cell, timing, 2), 0);

describe('the timing of a race', () => {
  it('is longer where there is more time, and leaves time for more than the first block', () => {
    const times = [0, 1, 2, 4, 8, 16, 32, 64].map((factor) => factor * blockMs(shortest.screening));
    const timings = times.map((raceMs) => timingFor(racing, { ...usual, raceMs }));
    assert.deepEqual(timings[0], shortest);
    assert.deepEqual(timings.at(-1), longest);
    for (const [i, { screening, final }] of timings.entries()) {
      const before = timings[Math.max(0, i - 1)] as (typeof timings)[number];
      assert.ok(screening.warmupMs >= before.screening.warmupMs && final.timeMs >= before.final.timeMs);
      if (screening !== shortest.screening) assert.ok(2 * blockMs(screening) < (times[i] as number));
    }
    assert.ok(new Set(timings.map(({ screening }) => screening.warmupMs)).size > 2);
  });

  it('counts calls and is short where the task may not be called often', () => {
    const { screening, final } = timingFor(racing, { ...usual, raceMs: 1e9, maxCalls: 1000 });
    assert.deepEqual(screening, { ...shortest.screening, countsCalls: true });
    assert.deepEqual(final, { ...shortest.final, countsCalls: true });
  });

  it('has neither a warm-up nor a second pass for a task that remembers results', () => {
    for (const maxCalls of [null, 1000]) {
      const { screening, final } = timingFor(racing, { ...usual, raceMs: 1e9, maxCalls, remembers: true });
      for (const { timeMs, warmupMs } of [screening, final]) assert.deepEqual([timeMs, warmupMs], [0, 0]);
    }
  });
});
