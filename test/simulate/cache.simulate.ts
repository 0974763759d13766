import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openStrategy } from '../../index.js';
import { openCache } from '../../runner/open-cache.js';
import { documentKey } from '../../services/cache/keys.js';
import { Store } from '../../services/cache/store.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { killedWriters } from '../services/killed-writers.js';
import { fixture } from '../support.js';

/**
 * `npm run test:cache`: what a cache saves and costs with a task of 2 ms, and 50 rounds of two processes that
 * are killed. The correctness of keys is tested in test/services/cache.test.ts.
 */

const perBlock = 1000;

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkwise-cache-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('10,000 documents of 10 KB, a task of 2 ms, one worker', () => {
  const blocks = 10;

  it('is 10 times as fast the second time, and at most 3 % slower when nothing is found', async (t) => {
    const task = fixture('work-task', { rounds: await calibrated(2) });
    const times = { off: [] as number[], cold: [] as number[], warm: [] as number[] };
    const pass = async (documents: readonly Uint8Array[], kind: keyof typeof times) => {
      const { ms, hits } = await runMs(task, documents, kind === 'off' ? null : join(folder, 'rate'));
      assert.equal(hits, kind === 'warm' ? documents.length : 0);
      times[kind].push(ms / documents.length);
    };
    for (let block = 0; block < blocks; block++) {
      const documents = Array.from({ length: perBlock }, () => new Uint8Array(randomBytes(10_000)));
      const [first, second] = block % 2 === 0 ? (['off', 'cold'] as const) : (['cold', 'off'] as const);
      await pass(documents, first);
      await pass(documents, second);
      await pass(documents, 'warm');
    }
    const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0) / blocks;
    const slower = middle(times.cold.map((ms, block) => ms / (times.off[block] as number)));
    const faster = sum(times.off) / sum(times.warm);
    t.diagnostic(
      `ms per document: ${sum(times.off).toFixed(3)} without a cache, ${sum(times.cold).toFixed(3)} with ` +
        `nothing found (${(100 * (slower - 1)).toFixed(1)} % more), ${sum(times.warm).toFixed(3)} from it ` +
        `(${faster.toFixed(0)} times as fast)`,
    );
    assert.ok(faster >= 10);
    assert.ok(slower <= 1.03);
  });
});

it('50 rounds of two processes that are killed: each result that was kept is found, and right', async (t) => {
  const root = join(folder, 'killed');
  let found = 0;
  for (let round = 0; round < 50; round++) {
    const said = await killedWriters(root, [`a${round}-`, `b${round}-`]);
    const store = new Store({ root, task: 'task', maxBytes: 1e9 });
    for (const name of said.match(/[ab]\d+-\d+(?=\n)/g) ?? []) {
      assert.equal(store.get(documentKey(Buffer.from(name)))?.bytes.toString(), name.repeat(50));
      found++;
    }
    store.close();
  }
  t.diagnostic(`${found} results were found`);
});

/** Runs documents in a session of one worker; its start is not part of the time. */
async function runMs(task: WorkloadRef, documents: readonly Uint8Array[], cacheFolder: string | null) {
  const session = await openStrategy('self-scheduling', task, {
    workers: 1,
    ...(cacheFolder !== null && { cache: await openCache(task, cacheFolder) }),
  });
  let hits = 0;
  const startedMs = performance.now();
  await session.run(
    documents.map((bytes, index) => ({ index, id: `d${index}`, size: bytes.length, bytes: bytes.slice() })),
    (outcome) => {
      assert.equal(outcome.status, 'ok');
      if (outcome.cachedMs !== undefined) hits++;
    },
  );
  const ms = performance.now() - startedMs;
  await session.close();
  return { ms, hits };
}

/** How many rounds of the task take this time here, ms, in as many documents as a pass has. */
async function calibrated(ms: number): Promise<number> {
  const rounds = 1e6;
  const documents = Array.from({ length: perBlock }, () => new Uint8Array(10_000));
  const { ms: took } = await runMs(fixture('work-task', { rounds }), documents, null);
  return Math.round((rounds * ms) / (took / documents.length));
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}
