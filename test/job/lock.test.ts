import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lock } from '../../bench/job/lock.js';
import { until } from '../processes.js';
import { onLinux, root, started } from './job.js';

describe('the lock', () => {
  const path = join(root, 'locked');
  const write = (holder: unknown) =>
    writeFileSync(`${path}.lock`, typeof holder === 'string' ? holder : JSON.stringify(holder));
  const born = 'another-boot 5';

  it('of a dead process, or of one that had our pid, is taken over', () => {
    for (const holder of [
      { pid: 2 ** 22 + 1, host: hostname(), born },
      { pid: process.pid, host: hostname(), born },
      { pid: process.ppid, host: hostname(), born }, // a pid that is another process by now
    ]) {
      if (holder.pid === process.ppid && process.platform !== 'linux') continue;
      write(holder);
      const unlock = lock(path);
      assert.equal(JSON.parse(readFileSync(`${path}.lock`, 'utf8')).pid, process.pid);
      assert.throws(() => lock(path), /writes there/);
      unlock();
      assert.ok(!existsSync(`${path}.lock`));
    }
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('locked')),
      [],
    );
  });

  it('that cannot be written leaves no file, and its error names the results', onLinux, () => {
    const folder = join(root, 'full');
    mkdirSync(folder);
    const script = `
      import { lock } from ${JSON.stringify(new URL('../../bench/job/lock.js', import.meta.url).href)};
      try { lock('results'); } catch ({ name, message }) { console.log(name + ': ' + message); }`;
    // No file may be larger than 0 bytes here, so writes fail as they do on a full disk.
    const limited = 'ulimit -f 0; exec "$0" --input-type=module --eval "$1"';
    const said = execFileSync('/bin/sh', ['-c', limited, process.execPath, script], { cwd: folder });
    const expected =
      /^RunError: cannot write "results": its lock cannot be created \(EFBIG: file too large\)\n$/;
    assert.match(String(said), expected);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('of a killed process that its parent has not waited for is taken over', onLinux, async () => {
    // The shell becomes a program that never asks for its child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    started.push(parent);
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text) => resolve(Number(text))),
    );
    await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));
    write({ pid, host: hostname(), born: null });
    lock(path)();
    assert.ok(!existsSync(`${path}.lock`));
  });

  it('of another machine, of somebody else, or that is just being taken over, is not', () => {
    write({ pid: 1, host: 'elsewhere', born });
    assert.throws(
      () => lock(path),
      /on the machine "elsewhere" has the lock; if that process has ended, delete this file/,
    );
    write('mine');
    assert.throws(() => lock(path), /expected a lock file of forkwise/);
    write({ pid: 2 ** 22 + 1, host: hostname(), born });
    writeFileSync(`${path}.lock.takeover`, '');
    assert.throws(() => lock(path), /about to write/);
    assert.deepEqual(
      readdirSync(root)
        .filter((name) => name.startsWith('locked'))
        .sort(),
      ['locked.lock', 'locked.lock.takeover'],
    );
  });
});
