import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Adaptive } from '../../control/adaptive.js';
import type { Signals } from '../../control/guards.js';
import { scores } from '../../control/simulator/score.js';
import type { Decision } from '../../control/work-number.js';

/** `npm run test:adaptive` has 100 seeds of each model. */
const seeds = [1, 2, 3];

for (const noise of [0.05, 0.15]) {
  it(`every figure is kept in simulated services with ${100 * noise} % noise`, () => {
    const missed = seeds.flatMap((seed) =>
      scores(seed, noise)
        .filter(({ kept }) => !kept)
        .map(({ model, figure, value }) => `seed ${seed}: ${model}: ${figure} is ${value}`),
    );
    assert.deepEqual(missed, []);
  });
}

describe('guards', () => {
  it('lower the number at once when memory is near its limit, and keep it there', () => {
    const { adaptive, says } = running({ start: 8 });
    const limit = { memoryLimitBytes: 1000e6 };
    says(1000, { ...limit, memoryBytes: 500e6 });
    const lowered = says(2000, { ...limit, memoryBytes: 950e6 });
    assert.equal(lowered[0]?.kind, 'guard');
    assert.match(lowered[0]?.why as string, /^8 → 7: memory 906 of 954 MB$/);
    // The documents that run have their memory until they end.
    assert.deepEqual(says(2001, { ...limit, memoryBytes: 950e6 }), []);
    says(5000, { ...limit, memoryBytes: 950e6 });
    assert.ok(adaptive.number < 7);
    assert.ok(adaptive.range.low === adaptive.number && adaptive.range.high === 8);
  });

  it('lower the number while the event loop is late, and stop where that does not help', () => {
    const helps = running({ start: 8 });
    helps.says(0, { loopDelayMs: 400 });
    assert.equal(helps.adaptive.number, 6);
    helps.says(3000, { loopDelayMs: 200 });
    assert.equal(helps.adaptive.number, 5);
    const useless = running({ start: 8 });
    for (let nowMs = 0; nowMs < 60_000; nowMs += 500) useless.says(nowMs, { loopDelayMs: 400 });
    assert.equal(useless.adaptive.number, 6);
  });

  it('try fewer documents as soon as a quota stops the processes', () => {
    const { adaptive, says, complete } = running({ start: 8 });
    says(0, { throttledShare: 0 });
    assert.deepEqual(
      says(100, { throttledShare: 0.6 }).map(({ kind }) => kind),
      ['wake', 'probe'],
    );
    assert.equal(adaptive.number, 6);
    // Fewer documents are slower here, so the number goes back.
    complete(200, 100);
    assert.ok(adaptive.resting >= 8);
  });

  it('do not raise computing work above the cores', () => {
    for (const [cpuShare, ofTasks, rises] of [
      [1, 1, false],
      [0.1, 1, true],
      [0.6, 1, false],
      [0.6, 0.1, true], // the rest is a child's that the tasks do not run in
    ] as const) {
      const { adaptive, says, complete } = running({ start: 2 });
      let seen = adaptive.number;
      for (let second = 0; second < 30; second++) {
        const cpuMs = second * 2000 * cpuShare;
        says(second * 1000, { cpuMs, tasksCpuMs: cpuMs * ofTasks, cores: 2 });
        complete(40, 50);
        seen = Math.max(seen, adaptive.number);
      }
      assert.equal(seen > 2, rises);
    }
  });

  it('let a number rise where tasks that wait keep a thread busy together', () => {
    const { adaptive, says, complete } = running({ start: 1, workers: 2 });
    // Each computes for 120 of 200 ms, so two keep a thread busy, and three use it fully. CPU time is
    // looked at once a second, and a window takes longer.
    const taskMs = (number: number) => [200, 260, 310][number - 1] ?? 110 * number;
    let [nowMs, cpuMs] = [0, 0];
    for (let i = 0; i < 20_000; i++) {
      const { number } = adaptive;
      const tookMs = taskMs(number) / (number * 2);
      nowMs += tookMs;
      cpuMs += tookMs * (number === 1 ? 1.2 : 1.96);
      says(nowMs, { cpuMs, cores: 2 });
      complete(1, taskMs(number));
    }
    assert.equal(adaptive.resting, 3);
  });

  it('do not raise a number that is not used', () => {
    const { adaptive } = running({ start: 8 });
    let nowMs = 0;
    for (let i = 0; i < 2000; i++) {
      nowMs += 100; // documents of 100 ms run one after the other
      if (adaptive.completed({ atMs: nowMs, taskMs: 100, bytes: 1000, held: 1 })) adaptive.decide(nowMs);
      assert.ok(adaptive.number <= 8);
    }
  });
});

it('a machine that is fast and slow by turns is tried less often than it changes', () => {
  const { adaptive, decisions, complete } = running({ start: 8 });
  const changes = 120;
  for (let change = 0; change < changes; change++) {
    // More than eight at once only wait.
    for (let i = 0; i < 1200; i++)
      complete(1, (change % 2 === 0 ? 100 : 112) * Math.max(1, adaptive.number / 8));
  }
  const wakes = decisions.filter(({ kind }) => kind === 'wake').length;
  assert.ok(wakes >= 1 && wakes <= changes / 4, `${wakes} of ${changes} changes`);
});

it('places that stay empty while documents wait are judged by what is done in a time', () => {
  // A place is empty for a quarter of the time when a worker has more than one.
  const rises = (taskMs: (number: number) => number): number => {
    const adaptive = new Adaptive({ start: 1 });
    let nowMs = 0;
    for (let i = 0; i < 4000; i++) {
      const { number } = adaptive;
      nowMs += taskMs(number) / (number === 1 ? 1 : 0.75 * number);
      const done = { atMs: nowMs, taskMs: taskMs(number), bytes: 1000, held: 2 * number };
      if (adaptive.completed(done)) adaptive.decide(nowMs);
    }
    return adaptive.number;
  };
  assert.ok(rises(() => 20) >= 8);
  // Twice as many at once take so much longer that nothing is gained.
  assert.equal(
    rises((number) => (number === 1 ? 20 : 15 * number)),
    1,
  );
});

it('tasks that end together are no sign of a source that gives too few', () => {
  const adaptive = new Adaptive({ start: 8 });
  for (let nowMs = 20; nowMs < 10_000; nowMs += 20)
    // The next documents begin when all have ended.
    for (let held = adaptive.number; held > 0; held--)
      if (adaptive.completed({ atMs: nowMs, taskMs: 20, bytes: 1000, held })) adaptive.decide(nowMs);
  assert.ok(adaptive.number > 100, `${adaptive.number}`);
});

it('a pause without work is no reason to stay', () => {
  const { adaptive, complete, rest } = running({ start: 8 });
  for (let i = 0; i < 40; i++) {
    complete(50, 100);
    rest(5000);
  }
  assert.ok(adaptive.range.high > 12, `${adaptive.range.high}`);
});

it('CPU time of other code between the documents does not make them look as if they computed', () => {
  const { adaptive, says, complete, rest } = running({ start: 1, workers: 2 });
  let cpuMs = 0;
  let atMs = 0;
  // Tasks wait for half of their time. Between the turns, a second runner has both cores.
  for (let turn = 0; turn < 40; turn++) {
    for (let quarter = 0; quarter < 8; quarter++) {
      const isOwn = quarter < 4;
      atMs += 250;
      cpuMs += isOwn ? 250 * Math.min(adaptive.number, 2) : 500;
      if (isOwn) complete(Math.round((2 * adaptive.number * 250) / 10), 10);
      else rest(250);
      says(atMs, { cpuMs, cores: 2 });
    }
  }
  assert.ok(adaptive.range.high >= 3, `${adaptive.range.high}`);
});

it('CPU times that were read earlier do not make tasks that compute look as if they waited', () => {
  const { adaptive, says, complete } = running({ start: 1 });
  says(0, { cpuMs: 0, cores: 1 });
  // The times are read once in 1.5 s, and decisions are due in between.
  for (let seconds = 1.5; seconds < 60; seconds += 1.5) {
    complete(150, 10 * adaptive.number);
    says(1000 * seconds, { cpuMs: 1000 * seconds, cores: 1 });
  }
  assert.equal(adaptive.range.high, 1);
  assert.equal(adaptive.counts.get('probe') ?? 0, 0);
});

it('every decision is counted, and is one line that says the number', () => {
  const { adaptive, decisions, complete } = running({ start: 8 });
  complete(5000, 100);
  assert.ok(decisions.length > 0);
  for (const { number, why } of decisions) assert.match(why, new RegExp(`^[^\\n]*\\b${number}\\b[^\\n]*$`));
  let counted = 0;
  for (const [kind, count] of adaptive.counts) {
    assert.equal(count, decisions.filter((decision) => decision.kind === kind).length);
    counted += count;
  }
  assert.equal(counted, decisions.length);
  assert.equal(decisions.filter(({ kind }) => kind === 'raise').at(-1), adaptive.lastMove);
});

it('a number per worker counts for all workers', () => {
  const one = running({ start: 8 });
  const four = running({ start: 2, workers: 4 });
  one.complete(34, 100);
  four.complete(34, 100);
  assert.deepEqual([one.adaptive.number, four.adaptive.number], [8, 2]);
  one.complete(60, 100);
  four.complete(60, 100);
  assert.deepEqual([one.adaptive.number, four.adaptive.number], [10, 3]);
});

/** A controller whose documents all take the same time, as many at once as it allows. */
function running(options: { readonly start: number; readonly workers?: number }) {
  const adaptive = new Adaptive(options);
  const decisions: Decision[] = [];
  let nowMs = 0;
  const says = (atMs: number, signals?: Signals) => {
    const said = adaptive.decide(atMs, signals);
    decisions.push(...said);
    return said;
  };
  return {
    adaptive,
    decisions,
    says,
    rest(ms: number) {
      nowMs += ms;
    },
    complete(documents: number, taskMs: number) {
      for (let i = 0; i < documents; i++) {
        nowMs += taskMs / (adaptive.number * (options.workers ?? 1));
        const held = adaptive.number * (options.workers ?? 1);
        if (adaptive.completed({ atMs: nowMs, taskMs, bytes: 1000, held })) says(nowMs);
      }
    },
  };
}
