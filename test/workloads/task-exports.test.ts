import assert from 'node:assert/strict';
import { it } from 'node:test';
import { taskExports } from '../../workloads/task-exports.js';

it('an object as the default export fails, and the error says to export its function', () => {
  const run = () => 1;
  const module = { default: { run } };
  assert.throws(
    () => taskExports(module, { name: 'default', file: 'obj.mjs' }),
    /got an object; export its function `run` itself$/,
  );
  assert.throws(() => taskExports(module, { name: 'default', file: 'a.cjs' }), /as in "a\.cjs#run"/);
  assert.equal(taskExports(module, { name: 'run', file: 'a.cjs' }).default, run);
});
