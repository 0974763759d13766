import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { folder, fresh, run } from './start.js';

const calls = join(folder, 'calls');
writeFileSync(
  join(folder, 'counted.mjs'),
  `import { appendFileSync } from 'node:fs';
  export const kind = 'io';
  export default async ({ id }) => {
    appendFileSync(${JSON.stringify(calls)}, '.');
    await new Promise((resolve) => setTimeout(resolve, 2));
    return id;
  };`,
);
mkdirSync(join(folder, 'paid'));
for (let i = 0; i < 12; i++) writeFileSync(join(folder, 'paid', `${i}.txt`), `${i}`);

const task = ['--task', './counted.mjs', '--docs', 'paid'];
const small = ['--profile', 'smoke', '--workers', '2', '--strategies', 'sequential,async', '--rounds', '9'];

/** The number that a text has before these words, such as 1,120. */
function numberBefore(words: string, text: string): number {
  const [, count] = new RegExp(`([\\d,]+) ${words}`).exec(text) ?? [];
  return Number(count?.replaceAll(',', ''));
}

describe('--max-calls', () => {
  it('trims the rounds of bench, which says before how often it calls the task', async () => {
    const planned = await run('bench', ...task, ...small, '--dry-run');
    const most = numberBefore('calls of the tasks', planned.stdout);
    assert.ok(most > 100, planned.stdout);
    rmSync(calls);
    const max = Math.floor(most / 2);
    const { code, stderr } = await run('bench', ...task, ...small, '--max-calls', `${max}`, '--out', fresh());
    assert.equal(code, 0, stderr);
    assert.ok(numberBefore('calls of the tasks', stderr) <= max, stderr);
    assert.ok(readFileSync(calls).length <= max);
  });

  it('refuses what needs more, and names the number', async () => {
    const { code, stderr } = await run('bench', ...task, ...small, '--max-calls', '20', '--out', fresh());
    assert.equal(code, 2);
    assert.match(stderr, /one round of this plan calls the task up to \d+ times, got 20/);
    const few = await run('pick', ...task, '--max-calls', '20', '--out', fresh());
    assert.equal(few.code, 2);
    assert.match(few.stderr, /expected 400 calls or more, got 20/);
  });

  it('is not for open loops, and says which flag to leave out', async () => {
    for (const [command, flag, value] of [
      ['bench', '--arrivals', '50/s'],
      ['bench', '--slo', 'p99<90ms'],
      ['pick', '--rate', '50/s'],
    ] as const) {
      const words = [...task, '--max-calls', '900', flag, value, '--out', fresh()];
      const { code, stderr } = await run(command, ...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, new RegExp(`${flag} and --max-calls cannot be combined`));
      assert.match(stderr, /closed loops only; leave one of them out/);
    }
  });
});
