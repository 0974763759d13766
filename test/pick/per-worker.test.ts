import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
    assert.deepEqual(perWorkerToTry({ kind: 'io', cost: waits }), [64, 32]);
  });

  it('are none for tasks that compute, or that keep their thread busy while they wait', () => {
    assert.deepEqual(splitsToTry({ ...options, kind: 'cpu' }), []);
    assert.deepEqual(splitsToTry({ ...options, cost: { taskMs: 10, cpuMs: 1, loopMs: 10 } }), []);
  });

  it('are at most twelve, with a worker per core, and fit into the memory', () => {
    const splits = splitsToTry({ ...options, cores: 4.5 });
    assert.ok(splits.length > 0 && splits.length <= maxSplits);
    for (const { processes, threads, workers } of splits)
      assert.deepEqual([processes * threads, workers], [4, 4]);
    const hybrid = splits.find(({ strategy }) => strategy === 'hybrid');
    assert.deepEqual([hybrid?.processes, hybrid?.threads], [2, 2]);
    const small = splitsToTry({ ...options, maxMemoryBytes: 1e6 });
    assert.ok(small.every(({ workers, perWorker }) => workers * perWorker <= 5));
    assert.ok(small.length < splits.length);
  });

  it('are a table', () => {
    const text = splitsText(splitsToTry(options).slice(0, 2), { cost: half, cores: 2 });
    assert.match(text, /waits 50 % of its 10\.0 ms/);
    assert.equal(text.split('\n').length, 4);
  });
});
