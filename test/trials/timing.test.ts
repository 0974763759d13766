import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cell, PreparedWorkload } from '../../bench/trials/plan.js';
import { estimateTrialMs, warmupDocuments } from '../../bench/trials/timing.js';
import { cells, strategy, workload } from './support.js';

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
});

it('the duration of a trial is expected to grow with work and to fall with workers', () => {
  const ms = (cell: Cell | undefined) => estimateTrialMs(cell as Cell, { timeMs: 200, warmupMs: 100 }, 2);
  assert.ok(ms(cells[1]) > ms(cells[2]));
  assert.ok(ms(cells[0]) > ms(cells[4]));
});
