import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { geometricInterval, type Interval, mean } from '../../bench/stats/estimate.js';
import { openStrategy, type Session } from '../../index.js';
import { openCache, type SessionCache } from '../../runner/open-cache.js';
import { documentKey } from '../../services/cache/keys.js';
import { Store } from '../../services/cache/store.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { killedWriters } from '../services/killed-writers.js';
import { fixture } from '../support.js';

/**
 * `npm run test:cache`: what a cache saves and costs with a task of 2 ms, and 50 rounds of two processes that
 * are killed. The correctness of keys is tested in test/services/cache.test.ts.
 */

const perTurn = 50;

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkwise-cache-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('10,000 documents of 10 KB, a task of 2 ms, one worker', () => {
  const blocks = 8;
  const turns = 200;

  it('is 10 times as fast the second time, and at most 3 % slower when nothing is found', async (t) => {
    const task = fixture('work-task', { rounds: await calibrated(2) });
    const times = { off: [] as number[], cold: [] as number[], warm: [] as number[] };
    // The compiler's luck differs from worker to worker, so each block has new ones. In a block they take
    // short turns: the machine may be fast in one second and slow in the next one.
    for (let block = 0; block < blocks; block++) {
      const cache = async () => openCache(task, join(folder, 'rate'));
      const sessions = { off: await openOne(task), cold: await openOne(task, await cache()) };
      const took = { off: 0, cold: 0, warm: 0 };
      const pass = async (session: Session, documents: readonly Uint8Array[], kind: keyof typeof took) => {
        const { ms, hits } = await runMs(session, documents);
        assert.equal(hits, kind === 'warm' ? documents.length : 0);
        took[kind] += ms / (turns * perTurn);
      };
      const all: (readonly Uint8Array[])[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const documents = randomDocuments(perTurn);
        const order = (block + turn) % 2 === 0 ? (['off', 'cold'] as const) : (['cold', 'off'] as const);
        for (const kind of order) await pass(sessions[kind], documents, kind);
        all.push(documents);
      }
      await Promise.all([sessions.off.close(), sessions.cold.close()]);
      const warm = await openOne(task, await cache());
      for (const documents of all) await pass(warm, documents, 'warm');
      await warm.close();
      for (const kind of ['off', 'cold', 'warm'] as const) times[kind].push(took[kind]);
    }
    const ratio = (over: readonly number[], under: readonly number[]) =>
      geometricInterval(over.map((ms, block) => ms / (under[block] as number)));
    const slower = ratio(times.cold, times.off);
    const faster = ratio(times.off, times.warm);
    t.diagnostic(
      `ms per document: ${mean(times.off).toFixed(3)} without a cache, ${mean(times.cold).toFixed(3)} with ` +
        `nothing found (${shown(slower, 3)} times), ${mean(times.warm).toFixed(3)} from it ` +
        `(${shown(faster, 1)} times as fast)`,
    );
    assert.ok(faster.mean >= 10);
    assert.ok(slower.mean <= 1.03);
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

/** A session of one worker, which has started. */
async function openOne(task: WorkloadRef, cache?: SessionCache): Promise<Session> {
  const session = await openStrategy('self-scheduling', task, { workers: 1, ...(cache && { cache }) });
  await runMs(session, randomDocuments(perTurn));
  return session;
}

async function runMs(session: Session, documents: readonly Uint8Array[]) {
  let hits = 0;
  const startedMs = performance.now();
  await session.run(
    documents.map((bytes, index) => ({ index, id: `d${index}`, size: bytes.length, bytes: bytes.slice() })),
    (outcome) => {
      assert.equal(outcome.status, 'ok');
      if (outcome.cachedMs !== undefined) hits++;
    },
  );
  return { ms: performance.now() - startedMs, hits };
}

/** How many rounds of the task take this time here, ms. */
async function calibrated(ms: number): Promise<number> {
  const rounds = 1e6;
  const session = await openOne(fixture('work-task', { rounds }));
  const documents = randomDocuments(500);
  await runMs(session, documents); // the compiler is done then
  const { ms: took } = await runMs(session, documents);
  await session.close();
  return Math.round((rounds * ms) / (took / documents.length));
}

function randomDocuments(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => new Uint8Array(randomBytes(10_000)));
}

function shown({ mean, low, high }: Interval, digits: number): string {
  return `${mean.toFixed(digits)}, ${low?.toFixed(digits)} to ${high?.toFixed(digits)}`;
}
