import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maxSplits, perWorkerToTry, splitsToTry } from '../../bench/pick/per-worker.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { splitsText } from '../../bench/words/splits.js';
import { strategies as entries } from '../../strategies/index.js';

const strategies = await loadStrategies(entries.map(({ url }) => url));
const half = { taskMs: 10, cpuMs: 5, loopMs: 5 };
const options = {
  strategies,
  kind: 'mixed',
  cost: half,
  cores: 2,
  maxMemoryBytes: null,
  documentBytes: 1e4,
} as const;

describe('splits that pick tries', () => {
  it('run as many documents per worker as their waiting leaves room for', () => {
    assert.deepEqual(perWorkerToTry(options), [4, 2, 8]);
    const waits = { taskMs: 1000, cpuMs: 1, loopMs: 1 };
    assert.deepEqual(perWorkerToTry({ kind: 'io', cost: waits }), [256, 128]);
  });

  it('include about what keeps a core busy, however long a document waits', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 120, noNaN: true }), (waitPerComputing) => {
        const cpuMs = 2;
        const cost = { taskMs: cpuMs * (1 + waitPerComputing), cpuMs, loopMs: cpuMs };
        const busy = 1 + waitPerComputing;
        const tried = perWorkerToTry({ kind: 'mixed', cost });
        assert.ok(
          tried.some((count) => count >= busy && count <= 3 * busy),
          `${busy}: ${tried}`,
        );
        assert.ok(tried.every((count) => count >= 2 && count <= 256));
      }),
    );
  });

  it('all reach every strategy that can run several documents per worker', () => {
    const tried = perWorkerToTry(options);
    const able = new Set(splitsToTry(options).map(({ strategy }) => strategy));
    assert.ok(able.size > 3);
    for (const name of able)
      assert.deepEqual(
        splitsToTry(options)
          .filter(({ strategy }) => strategy === name)
          .map(({ perWorker }) => perWorker),
        tried,
      );
  });

  it('have fewer documents in flight where calls of the task are few', () => {
    const long = { ...options, cost: { taskMs: 52, cpuMs: 2, loopMs: 2 } };
    const largest = (maxCalls: number | null) =>
      Math.max(0, ...splitsToTry({ ...long, maxCalls }).map(({ perWorker }) => perWorker));
    assert.equal(largest(null), 64);
    assert.equal(largest(1e6), 64);
    assert.ok(largest(20_000) < 64 && largest(20_000) >= 2);
    assert.equal(largest(400), 0);
  });

  it('are none for tasks that compute, or that keep their thread busy while they wait', () => {
    assert.deepEqual(splitsToTry({ ...options, kind: 'cpu' }), []);
    assert.deepEqual(splitsToTry({ ...options, cost: { taskMs: 10, cpuMs: 1, loopMs: 10 } }), []);
  });

  it('are at most twelve, with a worker per core, and fit into the memory', () => {
    const splits = splitsToTry({ ...options, cores: 4.5 });
    const different = new Set(
      splits.map(({ processes, threads, perWorker }) => [processes, threads, perWorker].join()),
    );
    assert.ok(different.size > 0 && different.size <= maxSplits);
    for (const { processes, threads, workers } of splits)
      assert.deepEqual([processes * threads, workers], [4, 4]);
    const hybrid = splits.find(({ strategy }) => strategy === 'hybrid');
    assert.deepEqual([hybrid?.processes, hybrid?.threads], [2, 2]);
    const small = splitsToTry({ ...options, maxMemoryBytes: 4e6 });
    assert.ok(small.length > 0 && small.length < splits.length);
    assert.ok(small.every(({ workers, perWorker }) => workers * perWorker * 1e4 <= 4e5));
  });

  it('are a table', () => {
    const text = splitsText(splitsToTry(options).slice(0, 2), { cost: half, cores: 2 });
    assert.match(text, /waits 50 % of its 10\.0 ms/);
    assert.equal(text.split('\n').length, 4);
  });
});
