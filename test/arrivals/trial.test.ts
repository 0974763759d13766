import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Lab } from './lab.js';

/** One server that takes 20 ms for each document, in processes of its own, gets five times what it can do. */
describe('an open loop of real processes', {
  skip: process.platform === 'win32' && 'needs named pipes',
  timeout: 60_000,
}, () => {
  const lab = new Lab();
  after(() => lab.end());
  const task = { task: 'sleep', options: { milliseconds: 20 }, documents: 8 };
  const overload = { pattern: 'constant', rate: 250, seconds: 1, seed: 1 } as const;

  it('ends soon after its schedule, and documents that were not begun count as late', async () => {
    const cell = await lab.cell({ ...task, strategy: 'sequential', workers: 1 });
    const startedMs = performance.now();
    const row = await lab.open(cell, overload, { limitMs: 100 });
    assert.notEqual(row.status, 'failed', row.reason ?? '');
    assert.ok(performance.now() - startedMs < 50 * 250, 'it does not wait for all documents');
    const { unserved, refused, outcomes_ok, outcomes_in_time, documents } = row;
    assert.ok((unserved ?? 0) > 0);
    assert.equal((unserved ?? 0) + (outcomes_ok ?? 0), documents);
    assert.equal(refused, 0);
    assert.ok((outcomes_in_time ?? documents) < (outcomes_ok ?? 0));
    assert.ok((row.latency_p99_ms ?? 0) >= 1_000 && (row.backlog_growth_percent ?? 0) > 50);
  });

  it('refuses beyond the limit under way, and what it accepts waits no longer than that allows', async () => {
    const cell = await lab.cell({ ...task, strategy: 'thread-pool', workers: 1 });
    const row = await lab.open(cell, overload, { accept: 3, limitMs: 10_000 });
    assert.notEqual(row.status, 'failed', row.reason ?? '');
    const { unserved, refused, outcomes_ok, outcomes_in_time, documents } = row;
    assert.ok((refused ?? 0) > 0 && (outcomes_ok ?? 0) > 0);
    assert.equal((refused ?? 0) + (outcomes_ok ?? 0), documents);
    assert.equal(unserved, 0);
    assert.equal(outcomes_in_time, outcomes_ok, 'a refused document is a miss');
    assert.equal(row.latency_p99_ms, null, 'more than one in a hundred is refused');
  });
});
