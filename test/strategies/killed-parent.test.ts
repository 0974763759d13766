import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../processes.js';

const moduleAt = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
const run = (program: string, options: object = {}) =>
  spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore', ...options });

describe('what is left where a process is killed', { skip: process.platform !== 'linux' }, () => {
  it('is no child that was still loading its modules', async () => {
    // It hears of the end before it listens, and has something open.
    const child = run(
      `import { endWithParent } from ${moduleAt('strategies/processes/end-with-parent.js')};
      setInterval(() => {}, 1000);
      while (process.connected) await new Promise(setImmediate);
      await new Promise(setImmediate);
      endWithParent();`,
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    child.disconnect();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  for (const [what, path, make] of [
    ['of the helper processes', 'bench/trials/helper-processes.js', 'new made.HelperProcesses()'],
    ['of a Redis server', 'strategies/broker/own-redis.js', 'await made.startRedis()'],
  ] as const)
    it(`is no folder ${what}, however early it is killed`, async () => {
      const parent = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
      try {
        const program = run(
          `import fs from 'node:fs';
          import { syncBuiltinESMExports } from 'node:module';
          for (const name of ['mkdirSync', 'mkdtempSync']) {
            const make = fs[name];
            fs[name] = (...given) => {
              make(...given);
              fs.writeFileSync(${JSON.stringify(join(parent, 'made'))}, '');
              process.kill(process.pid, 'SIGKILL');
            };
          }
          syncBuiltinESMExports();
          const made = await import(${moduleAt(path)});
          ${make};`,
          { env: { ...process.env, TMPDIR: parent } },
        );
        const [, signal] = await once(program, 'exit');
        assert.equal(signal, 'SIGKILL');
        await until(() => readdirSync(parent).join() === 'made');
      } finally {
        rmSync(parent, { recursive: true, force: true });
      }
    });
});
