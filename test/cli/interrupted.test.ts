import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decode } from '../../bench/tables/csv.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { alive, descendants, until } from '../processes.js';
import { cliPath } from '../support.js';
import { folder, fresh, spin, start } from './start.js';

describe('interrupted', { skip: process.platform === 'win32' }, () => {
  it('finishes the trial on the first Ctrl-C, keeps and summarises what is there', async () => {
    const out = fresh();
    const { child, ended, said } = start([...spin, '--rounds', '500', '--out', out]);
    await said(/^2\/7000/m);
    child.kill('SIGINT');
    const { code, stdout, stderr, temporary } = await ended;
    assert.equal(code, 130);
    assert.match(stderr, /finishing the trial that is under way/);
    assert.match(stdout, /spin/);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.ok(trials.length >= 2 && trials.length < 100 && trials.every(({ status }) => status === 'ok'));
    assert.match(readFileSync(join(out, 'report.md'), 'utf8'), /interrupted/);
    assert.deepEqual(readdirSync(temporary), []);
  });

  const hang = join(folder, 'hang.mjs');
  // Hangs in every trial, and not in the oracle, which runs in a process whose module says so.
  writeFileSync(
    hang,
    "export const kind = 'cpu'; " +
      "export default () => { if (process.argv[1].includes('oracle-host')) return 1; for (;;); };",
  );
  for (const [name, signals] of [
    ['the second Ctrl-C', ['SIGINT', 'SIGINT']],
    ['the second SIGTERM', ['SIGTERM', 'SIGTERM']],
    ['SIGKILL', ['SIGKILL']],
  ] as const) {
    it(`leaves no process and no file after ${name}`, async () => {
      const { child, ended, said } = start([
        'bench',
        '--profile',
        'smoke',
        '--task',
        hang,
        '--strategies',
        'queue',
        '--workers',
        '2',
        '--out',
        fresh(),
      ]);
      await said('about ');
      const tree = await processesOf(child.pid as number, 4);
      for (const signal of signals) {
        child.kill(signal);
        if (signals.length > 1) await Promise.race([said('Ctrl-C again'), ended]);
      }
      const { code, temporary } = await ended;
      assert.equal(code, signals.includes('SIGKILL' as never) ? null : 130);
      await until(() => tree.every((pid) => !alive(pid)) && readdirSync(temporary).length === 0);
    });
  }
});

it('ends with 4 when the disk is full, and what was measured stays readable', {
  skip: !existsSync('/dev/full'),
}, async () => {
  const out = fresh();
  const module = new URL('../fixtures/preloads/full-disk.js', import.meta.url).href;
  const { code, stderr, temporary } = await start([...spin, '--rounds', '50', '--out', out], {
    NODE_OPTIONS: `--import=${module}`,
    FULL_AFTER: '3',
  }).ended;
  assert.equal(code, 4, stderr);
  assert.match(stderr, /cannot write ".*trials\.csv": ENOSPC/);
  assert.equal(decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8')).length, 3);
  assert.deepEqual(readdirSync(temporary), []);
});

it('ends with 4 and one line when the standard output is a full disk', {
  skip: !existsSync('/dev/full'),
}, () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [cliPath, 'list'], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  assert.equal(status, 4, stderr);
  assert.match(stderr, /^error: cannot write to standard output: ENOSPC: [^\n]*\n$/);
});

/**
 * Waits for `count` descendants of a process and returns all. On other systems than Linux it returns none.
 */
async function processesOf(pid: number, count: number): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  let found: number[] = [];
  await until(() => {
    found = descendants(pid);
    return found.length >= count;
  });
  return found;
}
