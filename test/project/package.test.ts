import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The package as a user gets it: packed, then installed into an empty folder. */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'forkwise-package-'));
const installed = join(folder, 'node_modules', 'forkwise');
const shell = process.platform === 'win32'; // npm is a script there
const run = (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd, shell });

before(async () => {
  // Without `prepack`, which writes the files that other tests run at this moment.
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  assert.ok(tarball);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const quiet = ['--silent', '--no-audit', '--no-fund', '--no-package-lock'];
  await run('npm', ['install', '--prefer-offline', ...quiet, `./${tarball}`], folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('runs the library example of README', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const files = [...readme.matchAll(/^```js\n\/\/ (\w+\.mjs)\n([\s\S]*?)^```/gm)];
    assert.deepEqual(
      files.map(([, name]) => name),
      ['words.mjs', 'main.mjs'],
    );
    for (const [, name = '', text = ''] of files) writeFileSync(join(folder, name), text);
    const { stdout } = await run(process.execPath, ['main.mjs'], folder);
    const lines = stdout.trim().split('\n');
    assert.deepEqual(lines.toSorted(), ['one ok 1', 'one two ok 2', 'one two three ok 3'].toSorted());
  });

  it('runs the command', async () => {
    const { stdout } = await run('npx', ['--no-install', 'forkwise', 'list'], folder);
    for (const name of ['self-scheduling', 'word-frequency', 'throughput'])
      assert.match(stdout, new RegExp(name));
  });

  it('measures a task of another project', async () => {
    mkdirSync(join(folder, 'samples'), { recursive: true });
    for (let i = 0; i < 8; i++)
      writeFileSync(join(folder, 'samples', `${i}.txt`), 'one two '.repeat(100 + i));
    const args = ['bench', '--profile', 'smoke', '--task', './words.mjs', '--docs', './samples'];
    const options = ['--strategies', 'sequential,queue', '--workers', '1', '--out', 'run'];
    await run('npx', ['--no-install', 'forkwise', ...args, ...options], folder);
    for (const name of ['report.html', 'trials.csv']) assert.ok(existsSync(join(folder, 'run', name)), name);
  });

  it('has every file that its pages link to', () => {
    const docs = readdirSync(join(installed, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name));
    const others = ['CONTRIBUTING.md', 'CHANGELOG.md', 'strategies', 'bench', 'results'];
    const pages = [
      'README.md',
      ...docs,
      ...others.map((name) => (name.includes('.') ? name : `${name}/README.md`)),
    ];
    let count = 0;
    for (const page of pages)
      for (const [, link = ''] of readFileSync(join(installed, page), 'utf8').matchAll(/\]\(([^)#\s]+)/g)) {
        if (link.includes('://')) continue;
        assert.ok(existsSync(join(installed, dirname(page), link)), `${page}: ${link}`);
        count++;
      }
    assert.ok(count > 40);
  });

  it('has no tests', () => {
    assert.ok(!existsSync(join(installed, 'dist', 'test')));
  });
});
