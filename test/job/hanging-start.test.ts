import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../processes.js';
import { folderOf, onLinux, start, usual } from './job.js';

/** The setup marks that it has begun, and never settles. */
const source = `
  import { writeFileSync } from 'node:fs';
  export const setup = () => {
    writeFileSync('in-setup', '');
    setInterval(() => {}, 1e6);
    return new Promise(() => {});
  };
  export default () => 1;`;

describe('a signal while no document has begun', onLinux, () => {
  for (const strategy of ['sequential', 'thread-pool', 'queue'])
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      it(`ends the job at once: ${signal} with ${strategy}`, { timeout: 60_000 }, async () => {
        const folder = folderOf({ a: 'x' });
        writeFileSync(join(folder, 'task.mjs'), source);
        const { child, ended } = start(
          folder,
          usual.map((word) => (word === 'thread-pool' ? strategy : word)),
        );
        await until(() => child.exitCode !== null || existsSync(join(folder, 'in-setup')));
        child.kill(signal);
        const { code, stderr } = await ended;
        assert.equal(code, 130, stderr);
        assert.match(stderr, /^stopped before the first document; to go on: forkwise run /m);
        assert.doesNotMatch(stderr, /finishing/);
        assert.ok(!readdirSync(folder).some((name) => name.includes('.lock')));
      });

  it('ends a job of groups at once', { timeout: 60_000 }, async () => {
    const folder = folderOf({ a: 'x' });
    writeFileSync(join(folder, 'task.mjs'), source);
    writeFileSync(
      join(folder, 'forkwise.config.yaml'),
      'task: ./task.mjs\nstrategy: thread-pool\nout: out\ngroups: { one: { docs: docs } }\n',
    );
    const { child, ended } = start(folder, ['run']);
    await until(() => child.exitCode !== null || existsSync(join(folder, 'in-setup')));
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^stopped while workers were starting; to go on: forkwise run$/m);
    assert.doesNotMatch(stderr, /finishing/);
    assert.ok(!readdirSync(join(folder, 'out')).some((name) => name.includes('.lock')));
  });
});
