import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import hybrid from '../../strategies/hybrid/hybrid.js';
import { poolThreads, splitOf } from '../../strategies/processes/split.js';
import { maxDeathsWithoutResult } from '../../strategies/session/attempts.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

describe('hybrid', () => {
  it('splits workers over processes and threads', () => {
    const usual = (workers: number) => {
      const { processes, threads } = splitOf(workers, {});
      return [processes, threads];
    };
    assert.deepEqual([1, 2, 4, 6, 7, 8, 16].map(usual), [
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 2],
      [7, 1],
      [4, 2],
      [4, 4],
    ]);
    assert.deepEqual(splitOf(8, { threads: 4, perWorker: 3 }), { processes: 2, threads: 4, perWorker: 3 });
    assert.throws(() => splitOf(4, { processes: 3 }), RangeError);
    assert.throws(() => splitOf(4, { processes: 2, threads: 1 }), RangeError);
  });

  it('gives the pool of native threads its share of the cores, or a thread for each file', () => {
    const split = { processes: 4, threads: 1, perWorker: 6 };
    assert.equal(poolThreads(split, { cores: 6, readsFiles: false }), 2);
    assert.equal(poolThreads(split, { cores: 6, readsFiles: true }), 6);
  });

  it('runs only what one process was running again when that ends', async () => {
    const marker = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
    const ids = Array.from({ length: 32 }, (_, i) => (i === 13 ? 'kill13' : `wait${i}`));
    const configuration = { processes: 2, threads: 2, perWorker: 2 };
    try {
      await withSession(
        hybrid,
        fixture('beside-task', { marker }),
        { workers: 4, configuration },
        async (session) => {
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          for (const { id, status } of outcomes) assert.equal(status, id === 'kill13' ? 'crashed' : 'ok', id);
          const names = new Set(outcomes.map(({ worker }) => worker));
          names.delete(null);
          const { engines } = await session.members();
          assert.equal(engines.length, 2 * (2 + 1), 'threads, and the main thread of each process');
          assert.ok(engines.filter(({ worker }) => names.has(worker)).length >= 2);
        },
      );
      const runs = readdirSync(marker).map((name) => name.slice(0, name.indexOf('-')));
      const again = new Set(runs.filter((id, i) => runs.indexOf(id) !== i));
      assert.ok(again.size <= 4, `ran again: ${[...again].join()}`);
    } finally {
      rmSync(marker, { recursive: true, force: true });
    }
  });

  it('sends no further documents to a process that has given up its threads', async (t) => {
    const first = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
    const usual = maxDeathsWithoutResult.count;
    maxDeathsWithoutResult.count = 2;
    t.after(() => {
      maxDeathsWithoutResult.count = usual;
      rmSync(first, { recursive: true, force: true });
    });
    const ids = Array.from({ length: 60 }, (_, i) => `wait${i}`);
    const options = { workers: 2, configuration: { processes: 2, threads: 1 } };
    const task = fixture('beside-task', { first });
    const statuses = await withSession(hybrid, task, options, async (session) =>
      (await outcomesOf(session, documentsOf(ids), ids.length)).map(({ status }) => status),
    );
    const crashed = statuses.filter((status) => status === 'crashed').length;
    assert.ok(crashed > 0 && crashed <= 6, `${crashed} documents crashed`);
    assert.equal(statuses.filter((status) => status === 'ok').length, ids.length - crashed);
  });

  it('sets the size of the pool in the environment of its processes, unless the user did', async () => {
    const pool = async () => {
      const [outcome] = await withSession(hybrid, fixture('beside-task'), { workers: 1 }, (session) =>
        outcomesOf(session, documentsOf(['pool0']), 1),
      );
      return outcome?.status === 'ok' ? outcome.value : outcome;
    };
    const before = process.env.UV_THREADPOOL_SIZE;
    try {
      delete process.env.UV_THREADPOOL_SIZE;
      assert.ok(((await pool()) as number) >= 1);
      process.env.UV_THREADPOOL_SIZE = '3';
      assert.equal(await pool(), 3);
    } finally {
      if (before === undefined) delete process.env.UV_THREADPOOL_SIZE;
      else process.env.UV_THREADPOOL_SIZE = before;
    }
  });
});
