import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type InputDocument, type Outcome, RunnerClosedError } from '../../index.js';
import type { Document } from '../../workloads/workload.js';
import { collect, document, Puppet, settled, withRunner } from './puppet.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const task = join(folder, 'task.mjs');
writeFileSync(
  task,
  `export const kind = 'cpu';
export const resolve = ({ size }) => new Uint8Array(size).fill(3);
export default ({ bytes }) => [bytes.length, bytes[0] ?? null];
`,
);
const sizes = [0, 1, 5000, 70_000, 400_000];
const paths = sizes.map((size, i) => {
  const path = join(folder, `file${i}`);
  writeFileSync(path, new Uint8Array(size).fill(i));
  return path;
});
mkdirSync(join(folder, 'folder'));

/** Files, two that cannot be read, and documents that have their bytes. */
const given: InputDocument[] = [
  document('bytes-first', 7),
  ...paths.map((path, i) => ({ id: `file${i}`, path })),
  { id: 'missing', path: join(folder, 'missing') },
  { id: 'buffer', path: Buffer.from(paths[2] as string) },
  { id: 'folder', path: join(folder, 'folder') },
  document('bytes', 9),
];
const values = [
  [7, 1],
  ...sizes.map((size, i) => [size, size === 0 ? null : i]),
  null,
  [5000, 2],
  null,
  [9, 1],
];

function check(outcomes: readonly Outcome[]): void {
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'ok' ? outcome.value : null)),
    values,
  );
  for (const [index, outcome] of outcomes.entries()) {
    assert.equal(outcome.index, index);
    assert.equal(outcome.id, given[index]?.id);
    const isFile = outcome.id.startsWith('file') || outcome.id === 'buffer';
    assert.equal(outcome.size, isFile ? values[index]?.[0] : undefined, outcome.id);
    assert.equal(typeof outcome.mtimeMs, isFile ? 'number' : 'undefined', outcome.id);
  }
  const missing = outcomes.find(({ id }) => id === 'missing');
  assert.ok(missing?.status === 'failed');
  assert.equal(missing.error.code, 'ENOENT');
  assert.match(missing.error.message, /missing/);
}

describe('documents by path', () => {
  for (const [strategy, delivery] of [
    ['sequential', 'none'],
    ['sequential', 'reference'],
    ['thread-pool', 'clone'],
    ['thread-pool', 'reference'],
    ['self-scheduling', 'shared'],
    ['queue', 'reference'],
  ] as const) {
    it(`are read with ${strategy} and delivery ${delivery}, in streams and calls`, async () => {
      await withRunner({ task, strategy, workers: 2, delivery }, async (runner) => {
        async function* later() {
          yield* given;
        }
        for (const source of [() => given, later]) {
          check(await collect(runner.process(source(), { ordered: true })));
          const batches = [];
          for await (const batch of runner.process(source(), { batch: true, ordered: true }))
            batches.push(...batch);
          check(batches);
        }
        const calls = await Promise.all(given.map((one) => runner.run(one)));
        check(calls.map((outcome, index) => ({ ...outcome, index })));
        const { outcomes, inFlight, queued } = runner.stats();
        assert.deepEqual(outcomes, { ok: 40, failed: 10, 'timed-out': 0, crashed: 0 });
        assert.deepEqual([inFlight, queued], [0, 0]);
      });
    });
  }

  it('are accepted before they are read: a drain waits, a close and a signal do not', async () => {
    const file = { id: 'file', path: paths[2] as string };
    const drained = new Puppet({ prompt: true }).runner();
    const [outcome] = await Promise.all([drained.run(file), drained.drain()]);
    assert.equal(outcome.status, 'ok');
    const closed = new Puppet({ prompt: true }).runner();
    await Promise.all([assert.rejects(closed.run(file), RunnerClosedError), closed.close()]);
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const cancelled = runner.run(file, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(cancelled, /enough/);
    assert.equal(runner.stats().queued, 0);
    await settled();
    await Promise.all([runner.drain(), settled()]);
    assert.deepEqual(puppet.pulled, []);
  });

  it('leave no descriptor open when a loop ends early', { skip: process.platform !== 'linux' }, async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const runner = new Puppet({ prompt: true }).runner();
    function* endless() {
      for (let i = 0; ; i++) yield { id: `file${i}`, path: paths[4] as string };
    }
    const before = open();
    for await (const { index } of runner.process(endless())) if (index === 300) break; // 120 MB
    await runner.close();
    while (open() > before) await settled(); // a read in progress ends by itself
  });

  it('are handed on unread with delivery `reference`', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner(2, 'reference');
    puppet.takesReferences = true;
    const outcome = runner.run({ id: 'file', path: paths[1] as string, size: 12 });
    await settled();
    const [pulled] = puppet.pulled as [Document & { by?: string }];
    assert.deepEqual([pulled.by, pulled.size], ['path', 12]);
    puppet.ok(pulled);
    assert.equal((await outcome).status, 'ok');
    await runner.close();
  });
});

it('documents by another reference need delivery `reference`', async () => {
  const referred = { id: 'a', reference: { size: 12 } };
  await withRunner({ task, strategy: 'thread-pool', delivery: 'reference' }, async (runner) => {
    const outcome = await runner.run(referred);
    assert.deepEqual(outcome.status === 'ok' && outcome.value, [12, 3]);
    assert.equal(outcome.size, 12);
    assert.equal(runner.stats().bytes, 12);
  });
  const other = new Puppet({ prompt: true }).runner();
  const needed = /expected delivery "reference" for the document "a", .*got "none"; give createRunner/;
  await assert.rejects(other.run(referred), needed);
  const [, second] = [other.process([document('b'), referred]), other.process([referred])];
  await assert.rejects(second.next(), needed);
  const mixed = collect(other.process([{ id: 'file', path: paths[1] as string }, referred]));
  await assert.rejects(mixed, needed);
  await other.close();
});
