import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { strategies } from '../../strategies/index.js';
import { cli, onlyLong } from '../support.js';

/** Tasks that change what they run in, or return odd values, have the same lines in every strategy. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'docs'));
for (let i = 0; i < 6; i++) writeFileSync(join(folder, 'docs', `${i}.txt`), 'x'.repeat(i));

const tasks: Record<string, string> = {
  'that replaces timers and clocks, as fake timers do': `
    export default ({ size }) => {
      const none = () => 0;
      for (const name of ['setTimeout', 'setInterval', 'setImmediate'])
        for (const each of [name, name.replace('set', 'clear')]) globalThis[each] = none;
      Object.assign(process, { hrtime: () => [0, 0] });
      Date.now = performance.now = none;
      return size;
    };`,
  'whose results are values of another realm': `
    import { runInNewContext } from 'node:vm';
    const code = '[new Date(0), /x/g, new Map([["a", new Set([1])]]), new Uint8Array([1]), Object(2n)]';
    export default ({ size }) => [size, ...runInNewContext(code)];`,
  'that sends messages of its own to its parent': `
    import { parentPort } from 'node:worker_threads';
    export default ({ size }) => {
      for (const message of [{ progress: size }, 'text', null, [1]]) {
        parentPort?.postMessage(message);
        process.send?.(message ?? 'nothing');
      }
      return size;
    };`,
  'that changes its document': `
    const odd = { id: "another", index: 99, size: -1, bytes: null };
    export default (document) => Object.assign(document, odd);`,
};

/** `npm test` has one strategy of each kind, and `npm run test:long` all of them. */
const few = ['sequential', 'thread-pool', 'self-scheduling', 'queue', 'process-pool'];
const names = strategies
  .map(({ name }) => name)
  .filter((name) => onlyLong.skip === false || few.includes(name));

describe('run of a task', () => {
  for (const [about, source] of Object.entries(tasks)) {
    it(about, async () => {
      writeFileSync(join(folder, 'task.mjs'), source);
      let expected: string[] | undefined;
      for (const name of names) {
        const out = `${about.length}-${name}.ndjson`;
        const args = ['--docs', 'docs', '--strategy', name, '--workers', '2', '--out', out];
        const { code, stderr } = await cli(
          ['run', '--task', 'task.mjs', '--timeout', '20s', ...args],
          folder,
          {
            XDG_CACHE_HOME: join(folder, 'cache'),
          },
        );
        assert.equal(code, 0, `${name}: ${stderr}`);
        const lines = readFileSync(join(folder, out), 'utf8').trim().split('\n').sort();
        assert.equal(lines.length, 6);
        expected ??= lines;
        assert.deepEqual(lines, expected, name);
      }
    });
  }
});
