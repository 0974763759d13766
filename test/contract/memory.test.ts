import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { strategies as entries } from '../../strategies/index.js';
import { heapLimit, heapLimitMb, memoryLimitMb, processLimit } from '../../strategies/processes/limits.js';
import type { OpenOptions, Outcome, Strategy } from '../../strategies/strategy.js';
import { documentsOf, fixture, onlyLong, openable, outcomesOf, withSession } from '../support.js';

const onLinux = { skip: process.platform !== 'linux' };
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const loaded = await openable(entries);
/** `npm test` has a strategy with threads and one with processes, each in its first variant. */
const few = ['thread-pool', 'queue'];
const others = (name: string, variant = 0) => !(few.includes(name) && variant === 0) && onlyLong.skip;
const library = JSON.stringify(new URL('../../index.js', import.meta.url).href);
const task = JSON.stringify(fixture('odd-task'));

describe('limits of memory', () => {
  it('limits of all workers together stay within what there is', () => {
    const memoryMb =
      (process.constrainedMemory() > 0 ? Math.min(process.constrainedMemory(), 2 ** 50) : 2 ** 50) / 2 ** 20;
    for (const workers of [1, 2, 8, 64]) {
      assert.ok(heapLimitMb(workers) >= 64 && memoryLimitMb(workers) >= 64);
      assert.ok(heapLimitMb(workers) * workers <= Math.max(64 * workers, 0.8 * memoryMb));
      assert.ok(heapLimitMb(workers) >= heapLimitMb(2 * workers));
    }
  });

  it('a warning names a flag that overrides the limits of threads', async () => {
    const script = `
      const { openStrategy } = await import(${library});
      const session = await openStrategy('self-scheduling', ${task}, { workers: 1 });
      await session.close();`;
    const path = join(folder, 'flagged.mjs');
    writeFileSync(path, script);
    const { stderr } = await promisify(execFile)(process.execPath, ['--max-old-space-size=300', path]);
    assert.match(stderr, /--max-old-space-size=300 overrides the heap limit of every worker thread/);
  });

  for (const { name } of loaded.filter(({ isolation }) => isolation === 'process'))
    it(`${name}: a flag of the caller does not lift heapMb, and the outcome names the limit`, {
      skip: onLinux.skip || others(name),
      timeout: 60_000,
    }, async () => {
      const script = `
        const { openStrategy } = await import(${library});
        const session = await openStrategy('${name}', ${task}, { workers: 1, heapMb: 80 });
        const document = (id, index) => ({ index, id, size: 1, bytes: new Uint8Array(1) });
        const outcomes = [];
        await session.run(['heap', 'size'].map(document), (outcome) => void outcomes.push(outcome));
        await session.close();
        console.log(JSON.stringify(outcomes));`;
      const path = join(folder, `${name}.mjs`);
      writeFileSync(path, script);
      const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=2000', path]);
      const outcomes: Outcome[] = JSON.parse(stdout);
      const full = outcomes.find(({ id }) => id === 'heap');
      assert.ok(full?.status === 'crashed', full?.status);
      assert.equal(full.error.outOfMemory, true, full.error.message);
      assert.match(full.error.message, /heap reached its limit of 80 MB, which heapMb sets: raise heapMb/);
      assert.equal(outcomes.find(({ id }) => id === 'size')?.status, 'ok');
    });

  for (const strategy of loaded.filter(({ retires }) => retires === true))
    for (const [i, { words, ...options }] of variantsOf(strategy).entries())
      it(`${strategy.name}${words}: a worker near its limit is replaced, and each document runs once`, {
        skip: others(strategy.name, i),
        timeout: 60_000,
      }, async () => {
        const log = join(mkdtempSync(join(folder, 'leak-')), 'log');
        // Every fifth document waits, so that others on its worker may begin and end meanwhile.
        const ids = Array.from({ length: 240 }, (_, i) => `${i % 5 === 0 ? 'later' : 'now'}${i}`);
        await withSession(
          strategy,
          fixture('leak-task', { log }),
          { heapMb: 100, ...options },
          async (session) => {
            const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
            for (const outcome of outcomes) {
              assert.ok(outcome.status === 'ok', `${outcome.id}: ${JSON.stringify(outcome)}`);
              assert.equal(outcome.value, 100);
            }
            const workers = new Set(outcomes.map(({ worker }) => worker)).size;
            assert.ok(
              (session.replaced ?? 0) >= 1 && workers > 2,
              `${session.replaced} of ${workers} workers`,
            );
            assert.equal((await session.members()).engines.length, 2);
          },
        );
        const lines = readFileSync(log, 'utf8').trim().split('\n');
        const torn = lines.filter((line) => line.startsWith('teardown'));
        assert.equal(new Set(torn).size, torn.length, 'no worker tears down twice');
        assert.deepEqual(lines.filter((line) => !torn.includes(line)).sort(), ids.sort());
      });

  for (const strategy of loaded.filter(({ isolation }) => isolation === 'process'))
    it(`${strategy.name}: buffers count, too, and documents in progress are finished first`, {
      skip: onLinux.skip || others(strategy.name),
      timeout: 60_000,
    }, async () => {
      const ids = Array.from({ length: 400 }, (_, i) => `leak-buffer${i}`);
      await withSession(
        strategy,
        fixture('odd-task'),
        { memoryMb: 200, timeoutMs: 20_000 },
        async (session) => {
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          for (const { id, status } of outcomes) assert.equal(status, 'ok', id);
          assert.ok((session.replaced ?? 0) >= 1);
        },
      );
    });

  it('a limit that is not given is a share, or what the caller has itself', () => {
    assert.deepEqual(processLimit(2), {
      mb: memoryLimitMb(2),
      from: 'its share of 80 % of the memory',
      remedy: 'use fewer workers, or set memoryMb',
    });
    const { mb, from } = heapLimit(1);
    assert.equal(mb, heapLimitMb(1));
    assert.equal(from.startsWith('its share'), heapLimitMb(1) === memoryLimitMb(1));
  });
});

/**
 * The ways in which documents reach a worker: one at a time, with a time limit, and several at a time where
 * the strategy can.
 */
function variantsOf({
  deliveries,
  inFlight,
}: Strategy): (Partial<OpenOptions> & { readonly words: string })[] {
  // Documents that have their bytes travel in the default way in a session with `reference`.
  const ways = deliveries.filter((delivery) => delivery !== 'reference');
  return ways.flatMap((delivery) => [
    { delivery, timeoutMs: 30_000, words: `, ${delivery}` },
    ...(inFlight === undefined ? [] : [{ delivery, inFlight: 4, words: `, ${delivery}, 4 in flight` }]),
  ]);
}
