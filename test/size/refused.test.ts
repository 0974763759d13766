import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { folderOf, run } from '../job/job.js';

it('size says that a document was still running, and not how it was ended', async () => {
  const folder = folderOf({ a: 'one' });
  writeFileSync(join(folder, 'never.mjs'), 'export default () => { for (;;); };');
  const args = ['size', '--task', './never.mjs', '--docs', 'docs', '--timeout', '100ms'];
  const { code, stderr } = await run(folder, args);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /document ".*a" was still running after 0\.1 s; try `forkwise check`/);
  assert.doesNotMatch(stderr, /SIGKILL/);
});

it('size promises nothing for a task that fails on every document', async () => {
  const folder = folderOf({ a: 'one', b: 'two' });
  writeFileSync(join(folder, 'fails.mjs'), "export default () => { throw new Error('not today'); };");
  const { code, stdout, stderr } = await run(folder, ['size', '--task', './fails.mjs', '--docs', 'docs']);
  assert.equal(code, 3, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /none of 2 was ok; try `forkwise check`/);
});
