import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { folder, fresh, run } from './start.js';

describe('bad input', () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const taken = join(folder, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'trials.csv'), 'precious');
  writeFileSync(join(folder, 'bad-kind.mjs'), "export const kind = 'gpu'; export default () => 1;");
  writeFileSync(join(folder, 'bad-syntax.ts'), 'const a: number = 1;\nexport default () = > a;');
  writeFileSync(join(folder, 'notes.txt'), 'not a module');
  writeFileSync(join(folder, 'throws.mjs'), "throw new Error('no licence');");
  writeFileSync(
    join(folder, 'always-fails.mjs'),
    "export const kind = 'cpu'; export default () => { throw new Error('cannot parse'); };",
  );
  writeFileSync(
    join(folder, 'bad-setup.mjs'),
    "export const kind = 'cpu'; " +
      'export default () => 1; ' +
      "export function setup() { throw new Error('no database'); }",
  );
  writeFileSync(
    join(folder, 'bad-digest.mjs'),
    "export const kind = 'cpu'; " +
      'export default () => 1; ' +
      "export function digest() { throw new Error('no digest'); }",
  );
  writeFileSync(
    join(folder, 'exits.mjs'),
    "export const kind = 'cpu'; export default () => process.exit(7);",
  );

  const cases: [args: string[], code: number, message: RegExp][] = [
    [['--strategies', 'thread-pol'], 2, /unknown strategy "thread-pol"; did you mean "thread-pool"\?/],
    [['--strategies', 'sequential,tinypol'], 2, /unknown strategy "tinypol"; did you mean "tinypool"\?/],
    [['--strategies', 'peer'], 2, /unknown strategy "peer"; did you mean "peers"\?/],
    [['--workloads', 'markdwn'], 2, /unknown workload "markdwn"; did you mean "markdown"\?/],
    [['--profile', 'fast'], 2, /unknown profile "fast" \(expected one of: smoke, quick/],
    [['--complexity', 'hi'], 2, /unknown complexity "hi"/],
    [['--workers', '0'], 2, /--workers to be a whole number from 1 on, got "0"/],
    [['--workers', '-1'], 2, /whole number from 1 on, got "-1"/],
    [['--workers', '1.5'], 2, /whole number from 1 on, got "1.5"/],
    [['--workers', 'abc'], 2, /whole number from 1 on, got "abc"/],
    [['--workers', '1,,2'], 2, /a list like a,b,c, got "1,,2"/],
    [['--delivery', 'pigeon'], 2, /unknown delivery "pigeon"/],
    [['--source', 'disk'], 2, /unknown source "disk" \(expected one of: memory, files\)/],
    [['--source', 'files'], 2, /--source files: expected --docs as well/],
    [
      ['--docs', empty, '--source', 'files', '--arrivals', 'poisson'],
      2,
      /--arrivals and --source files cannot be combined/,
    ],
    [['--docs', empty, '--delivery', 'reference'], 2, /--delivery reference: .* --source files/],
    [['--workers', '2,2'], 2, /each of --workers once, got "2" twice/],
    [['--workers', '100000'], 2, /at most 256 workers/],
    [['--sizes', '10XB'], 2, /a size like 10KB, 64KiB or 1.5MB, got "10XB"/],
    [['--sizes', '0KB'], 2, /a size like 10KB/],
    [['--documents', '0'], 2, /--documents to be a whole number from 1 on/],
    [['--rounds', 'many'], 2, /--rounds to be a whole number/],
    [['--seed', 'x'], 2, /--seed to be a whole number/],
    [['--llm-url', 'ftp://x'], 2, /--llm-url: expected a URL like/],
    [['--rtt', '1ms', '--broker', 'redis://host'], 2, /--rtt and --broker cannot be combined/],
    [['--rtt', '1ms', '--arrivals', 'poisson'], 2, /--arrivals and --rtt cannot be combined/],
    [['--rtt', '2s'], 2, /expected each of --rtt to be at most 1s, got "2s"/],
    [['--docs', empty, '--sizes', '10KB'], 2, /--docs and --sizes cannot be combined/],
    [['--docs', empty, '--complexity', 'low'], 2, /--docs and --complexity cannot be combined/],
    [['--task', 'x.mjs', '--workloads', 'spin'], 2, /--task and --workloads cannot be combined/],
    [['--task', 'missing.mjs'], 2, /there is no such file/],
    [
      ['--task', 'missing.ts#parse'],
      2,
      /--task "missing.ts#parse": there is no such file \(looked for .*missing\.ts\)/,
    ],
    [['--task', 'task.py'], 2, /there is no such file/],
    [['--task', empty], 2, /expected a module, got a folder/],
    [['--task', 'notes.txt'], 2, /expected a module that ends in \.ts, .*got "notes\.txt"/],
    [
      ['--task', 'bad-syntax.ts'],
      3,
      /task "bad-syntax\.ts" does not compile: bad-syntax\.ts:2:\d+: .*correct the source/,
    ],
    [
      ['--task', 'bad-kind.mjs#sort'],
      3,
      /task "bad-kind\.mjs#sort": there is no export "sort" \(it exports: default, kind\)/,
    ],
    [['--out', taken], 2, /there is something already/],
    [
      ['--out', join(folder, 'notes.txt', 'run')],
      2,
      /--out ".*notes\.txt.run": expected a place for a new folder, but none .* ENOTDIR.*; choose another/,
    ],
    [['--no-such-option'], 2, /unknown option/],
    [['--docs', empty], 3, /a folder with files or a glob that matches some, found none/],
    [['--docs', join(folder, 'nowhere/**')], 3, /found none/],
    [
      ['--task', 'bad-kind.mjs'],
      3,
      /expected `kind` to be 'cpu', 'io' or 'mixed', or not to be there, got "gpu"/,
    ],
    [['--task', 'throws.mjs'], 3, /failed to load: no licence/],
    [
      ['--task', 'always-fails.mjs'],
      3,
      /failed on every document of "10KB"; first on "10KB-\d+": cannot parse/,
    ],
    [['--task', 'bad-setup.mjs'], 3, /task module "bad-setup": `setup` failed: no database/],
    [['--task', 'bad-digest.mjs'], 3, /task "bad-digest": no digest/],
    [['--workloads', 'spin', '--budget', '1ms'], 2, /--budget: one round takes about \d+ s, more than/],
    [['--budget', 'soon'], 2, /a duration like 30s, 10m or 1.5h, got "soon"/],
    [['--task', 'exits.mjs'], 3, /task "exits": the process ended with exit code 7/],
  ];
  for (const [args, code, message] of cases) {
    it(args.join(' ').replaceAll(folder, ''), async () => {
      const out = fresh();
      const withOut = args.includes('--out') ? args : [...args, '--out', out];
      const result = await run('bench', '--profile', 'smoke', ...withOut);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /^\s+at /m, 'a message for people, not a stack');
      assert.equal(result.stdout, '');
      assert.equal(existsSync(out), false, 'nothing is written');
      assert.deepEqual(readdirSync(result.temporary), []);
    });
  }
  it('refuses a folder that cannot be made before the task runs', {
    skip: !existsSync('/proc'),
  }, async () => {
    const pattern = join(empty, '..', 'notes.txt');
    for (const args of [
      ['bench', '--profile', 'smoke', '--task', 'throws.mjs'],
      ['pick', '--task', 'throws.mjs', '--docs', pattern],
    ]) {
      const { code, stderr } = await run(...args, '--out', '/proc/forkwise/run');
      assert.equal(code, 2, stderr);
      assert.match(stderr, /--out "\/proc\/forkwise\/run": expected a place for a new folder/);
      assert.doesNotMatch(stderr, /no licence/);
    }
  });
  it('leaves no folder behind where an option is refused after --out', async () => {
    const out = join(folder, 'new', 'run');
    const { code, stderr } = await run('bench', '--profile', 'smoke', '--task', 'throws.mjs', '--out', out);
    assert.equal(code, 3, stderr);
    assert.equal(existsSync(join(folder, 'new')), false);
  });
  it('refuses an unknown command, also with --help', async () => {
    for (const args of [['calibrate', '--help'], ['calibrate', '-h'], ['calibrate']]) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /unknown command 'calibrate'/);
    }
    for (const args of [['--help'], ['help', 'pick'], ['pick', '--help']]) {
      const { code, stdout } = await run(...args);
      assert.equal(code, 0);
      assert.match(stdout, /Usage: forkwise/);
    }
  });
  it('leaves what was there untouched', () =>
    assert.equal(readFileSync(join(taken, 'trials.csv'), 'utf8'), 'precious'));
});
