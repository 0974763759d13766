import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cell, PreparedWorkload } from '../../bench/trials/plan.js';
import {
  estimateTrialMs,
  longestWarmupMs,
  warmupDocuments,
  warmupRecord,
} from '../../bench/trials/timing.js';
import { coldCodeMs } from '../../bench/trials/trial.js';
import { cells, strategy, workload } from './support.js';

it('cold code costs what the warm-up took longer than its documents take later, without idle ends', () => {
  const corpus = { documents: 4, sequentialMs: 100, costsMs: [10, 20, 30, 40] };
  // Two passes of 50 ms, 5 ms of them at the end. Six documents cost 130 of 100, in three runs.
  const record = { warmedUp: { documents: 6, runs: 3, ms: 200 }, passesMs: [49, 51] };
  const found = coldCodeMs(record, { corpus, endIdleMs: 10 }) as number;
  assert.ok(Math.abs(found - (200 - 3 * 5 - 1.3 * 45)) < 1e-9, `${found}`);
  const { costsMs: _, ...alike } = corpus;
  const same = coldCodeMs(record, { corpus: alike, endIdleMs: 0 }) as number;
  assert.ok(Math.abs(same - (200 - 1.5 * 50)) < 1e-9, `${same}`);
  const none = { ...record, warmedUp: { documents: 0, runs: 0, ms: 0 } };
  assert.equal(coldCodeMs(none, { corpus, endIdleMs: 0 }), null);
});

describe('warm-up', () => {
  const cell = (kind: string, at: Partial<Cell>, computingMs?: number): Cell => ({
    workload: { ...workload, kind } as PreparedWorkload,
    corpus: { documents: 10, sequentialMs: 200, computingMs } as unknown as Cell['corpus'],
    strategy: strategy('pool', true),
    delivery: 'clone',
    workers: 2,
    ...at,
  });
  const documents = (one: Cell, countsCalls = false) => warmupDocuments(one, { warmupMs: 100, countsCalls });

  it('gives each engine documents that take it this long', () => {
    assert.equal(documents(cell('cpu', {}, 200)), 10);
    assert.equal(documents(cell('io', {}, 1)), 10);
    assert.equal(warmupDocuments(cell('cpu', {}), { warmupMs: 0 }), 0);
  });

  it('gives it more where several wait at the same time, as far as its computing allows', () => {
    assert.equal(documents(cell('io', { perWorker: 8 }, 1)), 80);
    assert.equal(documents(cell('mixed', { perWorker: 8 }, 100)), 20);
    const timing = { warmupMs: 100, maxWarmupMs: 300 };
    assert.equal(warmupDocuments(cell('io', { perWorker: 8 }, 1), timing), 240);
    assert.equal(warmupDocuments(cell('io', { perWorker: 8 }, 20), timing), 100);
    assert.equal(warmupDocuments(cell('io', {}, 1), timing), 10, 'one that waits for one is not worth it');
    const oneThread = strategy('async', true);
    const onMain = { ...oneThread, strategy: { ...oneThread.strategy, isolation: 'none' as const } };
    assert.equal(documents(cell('io', { strategy: onMain, workers: 8 }, 1)), 40);
  });

  it('does not where calls are counted, where tasks compute, or where that is not known', () => {
    assert.equal(documents(cell('io', { perWorker: 8 }, 1), true), 10);
    assert.equal(documents(cell('cpu', { perWorker: 8 }, 1)), 10);
    assert.equal(documents(cell('io', { perWorker: 8 })), 10);
  });

  it('is as long as a task needs that is slow to warm up, as far as it may be', () => {
    const slow = cell('cpu', {
      corpus: { documents: 10, sequentialMs: 200, neededWarmupMs: 1000 } as unknown as Cell['corpus'],
    });
    const timing = { timeMs: 100, warmupMs: 100, maxWarmupMs: 300, slowWarmupMs: 800 };
    assert.equal(warmupDocuments(slow, timing), 80, '2 engines, 800 ms each, 20 ms a document');
    assert.equal(warmupDocuments(slow, { ...timing, slowWarmupMs: 5000 }), 100);
    assert.equal(warmupDocuments(slow, { warmupMs: 100 }), 10);
    assert.equal(longestWarmupMs(slow, timing), 2400);
    assert.equal(longestWarmupMs(slow, { warmupMs: 100 }), undefined);
    assert.equal(warmupDocuments(cell('cpu', {}), timing), 10, 'others have the usual one');
    assert.deepEqual(warmupRecord(slow.corpus, timing), { warmup: { needed_ms: 1000, given_ms: 800 } });
    assert.deepEqual(warmupRecord(cell('cpu', {}).corpus, timing), {});
    const usual = estimateTrialMs(cell('cpu', {}), timing, 2);
    assert.ok(estimateTrialMs(slow, timing, 2) >= usual + 2 * (800 - 100));
  });
});

it('the duration of a trial is expected to grow with work and to fall with workers', () => {
  const ms = (cell: Cell | undefined) => estimateTrialMs(cell as Cell, { timeMs: 200, warmupMs: 100 }, 2);
  assert.ok(ms(cells[1]) > ms(cells[2]));
  assert.ok(ms(cells[0]) > ms(cells[4]));
});
