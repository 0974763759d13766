import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { alive, descendants, until } from '../processes.js';
import { folderOf, linesIn, linesWritten, onLinux, root, run, start, usual } from './job.js';

describe('a job that is killed', () => {
  it('and called again gives each of 10,000 documents exactly one line', { timeout: 60_000 }, async () => {
    const gates = [3000, 6000, 9000];
    const names = Array.from({ length: 10_000 }, (_, i) => `${String(i).padStart(5, '0')}.txt`);
    const folder = folderOf({});
    const textOf = (i: number) =>
      gates.includes(i) ? `gate ${join(folder, `open-${i}`)}` : `text ${i} ${'x'.repeat(i % 50)}`;
    for (const [i, name] of names.entries()) writeFileSync(join(folder, 'docs', name), textOf(i));
    const strategies = ['self-scheduling', 'queue', 'thread-pool', 'partitioned'];
    const args = (attempt: number) =>
      usual.map((word) => (word === 'thread-pool' ? (strategies[attempt] as string) : word));
    const seen = new Set<number>();
    for (const [attempt, gate] of gates.entries()) {
      // Documents beyond the gate's window cannot be reached, so the kill comes in the middle of the job,
      // however fast it is.
      const job = start(folder, args(attempt));
      await linesWritten(folder, gate - 1500, job);
      for (const pid of descendants(job.child.pid as number)) seen.add(pid);
      job.child.kill('SIGKILL');
      await job.ended;
      assert.ok(linesIn(folder).length < names.length);
      writeFileSync(join(folder, `open-${gate}`), '');
      // A process that is killed while it writes leaves such a line.
      appendFileSync(join(folder, 'out.ndjson'), '{"id":"docs/00000.txt","sta');
    }
    const last = await run(folder, args(3));
    assert.equal(last.code, 0, last.stderr);
    assert.match(last.stderr, /going on: \d+ of 10000 documents have their lines/);
    const lines = linesIn(folder);
    assert.deepEqual(
      lines.map(({ id }) => id).sort(),
      names.map((name) => `docs/${name}`),
    );
    for (const { id, status, value } of lines)
      assert.deepEqual([status, value], ['ok', textOf(Number(id.slice(5, 10)))]);
    assert.deepEqual(
      readdirSync(folder)
        .filter((name) => name.startsWith('out'))
        .sort(),
      ['out.ndjson', 'out.ndjson.json'],
    );
    await until(() => [...seen].every((pid) => !alive(pid)));
    const again = await run(folder, args(0));
    assert.deepEqual([again.code, linesIn(folder).length], [0, 10_000]);
  });
});

describe('a job that gets a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`by ${signal} finishes what is in hand, and says how to go on`, {
      ...onLinux,
      timeout: 20_000,
    }, async () => {
      const gate = join(root, `gate-${signal}`);
      const folder = folderOf({
        a: 'first',
        b: `gate ${gate}`,
        ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`c${i}`, 'x'])),
      });
      const job = start(folder);
      await linesWritten(folder, 1000, job);
      job.child.kill(signal);
      await until(() => /finishing the documents that are under way/.test(job.result.stderr));
      assert.equal(job.child.exitCode, null);
      writeFileSync(gate, '');
      const { code, stdout, stderr } = await job.ended;
      assert.equal(code, 130, stderr);
      assert.match(
        stderr,
        /stopped; to go on: forkwise run --task \.\/task\.mjs --docs docs --out out\.ndjson/,
      );
      assert.match(stdout, /of 5,002 documents: [\d,]+ ok/);
      const lines = linesIn(folder);
      assert.ok(lines.length < 5002 && lines.some(({ id }) => id === 'docs/b'));
      assert.equal((await run(folder)).code, 0);
      assert.equal(new Set(linesIn(folder).map(({ id }) => id)).size, 5002);
      assert.equal(linesIn(folder).length, 5002);
    });
  }

  it('twice ends at once, with whole lines and no lock', { ...onLinux, timeout: 20_000 }, async () => {
    const folder = folderOf({ a: 'first', b: `gate ${join(root, 'never')}`, c: 'third' });
    const job = start(
      folder,
      usual.map((word) => (word === 'thread-pool' ? 'process-pool' : word)),
    );
    await linesWritten(folder, 2, job);
    const children = descendants(job.child.pid as number);
    job.child.kill('SIGTERM');
    await until(() => /once more ends them at once/.test(job.result.stderr));
    job.child.kill('SIGTERM');
    assert.equal((await job.ended).code, 130);
    assert.deepEqual(
      linesIn(folder)
        .map(({ id }) => id)
        .sort(),
      ['docs/a', 'docs/c'],
    );
    assert.ok(!existsSync(join(folder, 'out.ndjson.lock')));
    await until(() => children.every((pid) => !alive(pid)));
  });
});
