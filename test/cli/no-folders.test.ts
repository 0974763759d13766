import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { createRunner } from '../../index.js';
import { folderOf, run, usual } from '../job/job.js';
import { cli } from '../support.js';

for (const [what, cache] of [
  ['is a file', 'task.mjs'],
  ['is below a file', 'task.mjs/cache'],
] as const)
  it(`a cache that ${what} is refused before anything is written`, async () => {
    const folder = folderOf({ a: 'x' });
    const { code, stderr } = await run(folder, [...usual, '--cache', cache]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^error: --cache "task\.mjs.*": expected a folder, .*; choose another place\n$/);
    assert.ok(!existsSync(join(folder, 'out.ndjson')));
    const task = join(folder, 'task.mjs');
    const runner = createRunner({ task, strategy: 'sequential', workers: 1, cache: join(folder, cache) });
    await assert.rejects(runner, /^TypeError: expected the cache to have a folder that can be made/);
  });

it('a temporary folder that cannot be made is no finding about the task', async () => {
  const folder = folderOf({ a: 'x' });
  writeFileSync(join(folder, 'file'), '');
  const none = join(folder, 'file', 'none');
  const args = ['check', '--task', './task.mjs', '--docs', 'docs'];
  for (const env of [{ TMPDIR: none }, { TMPDIR: none, XDG_CACHE_HOME: none }]) {
    const { code, stdout, stderr } = await cli(args, folder, env);
    assert.equal(code, 3, stderr);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^error: expected a temporary folder, .*; set TMPDIR to a folder that can be written$/m,
    );
  }
});
