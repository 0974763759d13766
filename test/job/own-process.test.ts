import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { strategies } from '../../strategies/index.js';
import { cli, openable } from '../support.js';

const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(root, { recursive: true, force: true }));

const all = await openable(strategies);
const inOwnProcess = all.filter(({ isolation }) => isolation === 'none');
const inWorkers = all.filter(({ isolation }) => isolation !== 'none');

/** The documents are called 0 to 5; document 3 never ends by itself. */
function job(folderName: string, atThree: string): string {
  const folder = join(root, folderName);
  mkdirSync(join(folder, 'inbox'), { recursive: true });
  for (let i = 0; i < 6; i++) writeFileSync(join(folder, 'inbox', String(i)), `document ${i}`);
  writeFileSync(join(folder, 'task.mjs'), atThree);
  return folder;
}

const deaths = {
  rejects: {
    task: 'void Promise.reject(new RangeError("page 7 is torn"));',
    said: /^error: a promise rejected that no code handles \(RangeError: page 7 is torn\)/,
  },
  throws: {
    task: 'setTimeout(() => { throw new TypeError("no font"); }, 5);',
    said: /^error: an error was thrown that no code handles \(TypeError: no font\)/,
  },
  exits: { task: 'process.exit(0);', said: /^error: the task called process\.exit\(0\)/ },
};

for (const { name } of inOwnProcess)
  describe(`${name}: a task that ends the job's process`, () => {
    for (const [how, { task, said }] of Object.entries(deaths))
      it(`${how}: the job says which documents were in progress, and goes on`, async () => {
        const folder = job(
          `${name}-${how}`,
          `export default async ({ id }) => {
            if (id !== 'inbox/3') return id;
            ${task}
            await new Promise((resolve) => setTimeout(resolve, 60_000));
          };`,
        );
        const args = ['run', '--task', 'task.mjs', '--docs', 'inbox', '--out', 'out.ndjson'];
        const ended = await cli([...args, '--strategy', name, '--workers', '1'], folder);
        assert.equal(ended.code, 1, ended.stderr);
        assert.match(ended.stderr, said);
        assert.match(ended.stderr, /^In progress: "inbox\/3"\./m);
        assert.match(ended.stderr, /^All lines in "out\.ndjson" are whole, and the same command goes on\.$/m);
        if (how !== 'exits') for (const { name } of inWorkers) assert.ok(ended.stderr.includes(name), name);
        const lines = readFileSync(join(folder, 'out.ndjson'), 'utf8').trimEnd().split('\n');
        assert.deepEqual(
          lines.map((line) => JSON.parse(line).id),
          ['inbox/0', 'inbox/1', 'inbox/2'],
        );
        assert.ok(!existsSync(join(folder, 'out.ndjson.lock')));
      });

    it('never settles: the job names the document, and --timeout lets it go on', async () => {
      const never = 'export default async ({ id }) => (id === "inbox/3" ? new Promise(() => {}) : id);';
      const folder = job(`${name}-never`, never);
      const args = ['run', '--task', 'task.mjs', '--docs', 'inbox', '--out', 'out.ndjson'];
      const own = [...args, '--strategy', name, '--workers', '1'];
      const ended = await cli(own, folder);
      assert.equal(ended.code, 1, ended.stderr);
      assert.match(
        ended.stderr,
        /^error: the task's promise for "inbox\/3" never settled, and nothing is left/,
      );
      assert.match(ended.stderr, /^All lines in "out\.ndjson" are whole, .*\n.* --timeout /m);
      assert.doesNotMatch(ended.stderr, /process\.exit/);
      const limited = await cli([...own, '--timeout', '100ms'], folder);
      assert.equal(limited.code, 4, limited.stderr);
      assert.match(limited.stdout, /^6 documents: 5 ok and 1 timed-out/);
    });

    const starts = {
      'a top-level await that never settles': {
        task: 'await new Promise(() => {}); export default () => 1;',
        said: /^error: the task's module \(a top-level await\) or its `setup` never settled, and/,
      },
      'a `setup` that never settles': {
        task: 'export const setup = () => new Promise(() => {}); export default () => 1;',
        said: /^error: the task's module \(a top-level await\) or its `setup` never settled, and/,
      },
      'a `setup` that exits': {
        task: 'export const setup = () => process.exit(0); export default () => 1;',
        said: /^error: the task called process\.exit\(0\) while the task was loaded or in `setup`$/m,
      },
      'a `setup` with an error that no code catches': {
        task: `export const setup = () => {
            setTimeout(() => { throw new TypeError("no font"); });
            return new Promise(() => {});
          };
          export default () => 1;`,
        said: /^error: .* \(TypeError: no font\) while the task was loaded or in `setup`$/m,
      },
    };
    for (const [how, { task, said }] of Object.entries(starts))
      it(`${how}: the task is invalid, and no document is blamed`, async () => {
        const folder = job(`${name}-start-${how.replaceAll(/\W/g, '')}`, task);
        const args = ['run', '--task', 'task.mjs', '--docs', 'inbox', '--out', 'out.ndjson'];
        const ended = await cli([...args, '--strategy', name, '--workers', '1'], folder);
        assert.equal(ended.code, 3, ended.stderr);
        assert.match(ended.stderr, said);
        assert.doesNotMatch(ended.stderr, /in progress|earlier/i);
        assert.ok(!existsSync(join(folder, 'out.ndjson.lock')));
      });

    it('a task that handles such errors itself goes on', async () => {
      const folder = job(
        `${name}-handles`,
        `process.on('uncaughtException', () => {});
        export default async ({ id }) => {
          if (id === 'inbox/3') void Promise.reject(new RangeError('page 7 is torn'));
          await new Promise((resolve) => setTimeout(resolve, 5));
          return id;
        };`,
      );
      const args = ['run', '--task', 'task.mjs', '--docs', 'inbox', '--out', 'out.ndjson'];
      const ended = await cli([...args, '--strategy', name, '--workers', '2'], folder);
      assert.deepEqual([ended.code, ended.stderr.includes('error')], [0, false], ended.stderr);
      assert.match(ended.stdout, /^6 documents: 6 ok/);
    });
  });
