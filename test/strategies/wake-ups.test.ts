import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WakeUps } from '../../strategies/shared-memory/wake-ups.js';

const short = { documentBytes: 10_000, taskMs: 0.001 };

describe('wake-ups', () => {
  it('wake a worker for each document as long as no task was timed', () => {
    const wakeUps = new WakeUps();
    const due = wakeUps.due({ published: 3, unclaimed: 3, documentBytes: 10, taskMs: null }, 100);
    assert.equal(due, 3);
  });

  it('wake nothing where all documents are claimed', () => {
    const wakeUps = new WakeUps();
    assert.equal(wakeUps.due({ published: 50, unclaimed: 0, ...short }, 100), 0);
  });

  it('wake one worker at once for the first short task, and none for more that it claims', () => {
    const wakeUps = new WakeUps();
    assert.equal(wakeUps.due({ published: 1, unclaimed: 1, ...short }, 100), 1);
    for (let look = 1; look <= 100; look++) {
      // 64 documents are published every 0.1 ms, and all but a few are claimed each time.
      const due = wakeUps.due({ published: 1 + 64 * look, unclaimed: 10, ...short }, 100 + look / 10);
      assert.equal(due, 0, `look ${look}`);
    }
  });

  it('wake another worker each time as much work waits again', () => {
    const wakeUps = new WakeUps();
    let woken = 0;
    for (let published = 64; published <= 6_400; published += 64)
      woken += wakeUps.due({ published, unclaimed: published, ...short }, 100 + published / 1e3);
    // A document costs a worker about 3 µs here, and a worker is woken for 0.5 ms.
    assert.ok(woken > 20 && woken < 60, `${woken}`);
  });

  it('wake all workers again after they have slept', () => {
    const wakeUps = new WakeUps();
    const long = { documentBytes: 10, taskMs: 10 };
    assert.ok(wakeUps.due({ published: 4, unclaimed: 4, ...long }, 100) >= 4);
    assert.equal(wakeUps.due({ published: 4, unclaimed: 0, ...long }, 101), 0);
    assert.ok(wakeUps.due({ published: 8, unclaimed: 4, ...long }, 102) >= 4);
  });

  it('wake a worker for each document before the caller rests, less the workers on their way', () => {
    const wakeUps = new WakeUps();
    assert.equal(wakeUps.due({ published: 1, unclaimed: 1, ...short }, 100), 1);
    assert.equal(wakeUps.dueAtRest({ published: 1, unclaimed: 1 }), 0);
    assert.equal(wakeUps.dueAtRest({ published: 3, unclaimed: 3 }), 2);
    // A document was claimed: its worker has come, and may sleep again.
    assert.equal(wakeUps.dueAtRest({ published: 3, unclaimed: 2 }), 2);
    assert.equal(wakeUps.dueAtRest({ published: 3, unclaimed: 0 }), 0);
  });

  it('let no short task wait long, however slowly documents come', () => {
    for (const everyMs of [0.05, 0.2, 1, 50]) {
      const wakeUps = new WakeUps();
      let unclaimed = 0;
      let oldestMs = 0;
      for (let published = 1, nowMs = 0; published < 1_000; published++, nowMs += everyMs) {
        if (unclaimed === 0) oldestMs = nowMs;
        unclaimed++;
        if (wakeUps.due({ published, unclaimed, ...short }, nowMs) > 0) unclaimed = 0;
        else assert.ok(nowMs - oldestMs <= 0.75, `every ${everyMs} ms: ${nowMs - oldestMs}`);
      }
    }
  });
});
