import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readLine } from '../../bench/job/line.js';
import { cli } from '../support.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'forkwise-test-')));
after(() => rmSync(root, { recursive: true, force: true }));
const onLinux = { skip: process.platform !== 'linux' };

const task = `
export default (document) => {
  const text = new TextDecoder().decode(document.bytes);
  if (text.startsWith('bad')) throw new Error(text);
  return text;
};
`;

let count = 0;
/** Makes a folder with a task and one folder of documents, whose texts are given by path. */
function folderOf(documents: Readonly<Record<string, string>>): string {
  const folder = join(root, `job-${count++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'task.mjs'), task);
  for (const [path, text] of Object.entries(documents)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function run(
  folder: string,
  docs: string,
  { cwd = folder, more = [] }: { cwd?: string; more?: string[] } = {},
) {
  const words = ['--task', join(folder, 'task.mjs'), '--docs', docs, '--out', join(folder, 'out.ndjson')];
  return cli(['run', ...words, '--strategy', 'sequential', ...more], cwd);
}

const linesIn = (folder: string) =>
  readFileSync(join(folder, 'out.ndjson'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const valuesIn = (folder: string) =>
  Object.fromEntries(linesIn(folder).map(({ id, status, value }) => [id, status === 'ok' ? value : status]));
const sidecarIn = (folder: string) => JSON.parse(readFileSync(join(folder, 'out.ndjson.json'), 'utf8'));

describe('the documents of a job', () => {
  it('are the same from wherever and however their folder was typed', async () => {
    const folder = folderOf({ 'mail/in/1.eml': 'one', 'mail/in/sub/2.eml': 'two' });
    symlinkSync('mail/in', join(folder, 'short'));
    assert.equal((await run(folder, 'mail/in')).code, 0);
    const lines = readFileSync(join(folder, 'out.ndjson'), 'utf8');
    assert.deepEqual(valuesIn(folder), { 'in/1.eml': 'one', 'in/sub/2.eml': 'two' });
    assert.deepEqual([sidecarIn(folder).schema, sidecarIn(folder).root], [2, join(folder, 'mail/in')]);
    for (const [docs, cwd] of [
      ['./mail/in/', folder],
      [join(folder, 'mail/in'), root],
      ['../in/**/*.eml', join(folder, 'mail/in')],
      ['.', join(folder, 'mail/in')],
      ['short', folder],
    ] as const) {
      const again = await run(folder, docs, { cwd });
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /going on: 2 of 2 documents/);
    }
    assert.equal(readFileSync(join(folder, 'out.ndjson'), 'utf8'), lines);
  });

  it('of another folder of the same name are refused', async () => {
    const folder = folderOf({ 'north/scans/a': 'n', 'south/scans/a': 's' });
    assert.equal((await run(folder, './scans', { cwd: join(folder, 'north') })).code, 0);
    const other = await run(folder, './scans', { cwd: join(folder, 'south') });
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /holds results of the documents in ".*north\/scans"; these are other documents/,
    );
    assert.deepEqual(valuesIn(folder), { 'scans/a': 'n' });
  });

  it('are regular files: the rest is left out and counted', onLinux, async () => {
    const folder = folderOf({ 'in/a': 'a', 'in/deep/b': 'b' });
    execFileSync('mkfifo', [join(folder, 'in/deep/pipe')]);
    symlinkSync('/dev/zero', join(folder, 'in/zero'));
    symlinkSync('../..', join(folder, 'in/deep/up'));
    const { code, stdout, stderr } = await run(folder, 'in', { more: ['--json'] });
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /left out: 2 entries that are no regular files, 1 link to a folder that contains it/,
    );
    assert.deepEqual(JSON.parse(stdout).leftOut, { special: 2, dangling: 0, circular: 1 });
    assert.deepEqual(valuesIn(folder), { 'in/a': 'a', 'in/deep/b': 'b' });
  });
});

describe('results of version 0.1', () => {
  const begin = (folder: string, lines: string[]) => {
    const sidecar = sidecarIn(folder);
    const { root: _, ...old } = { ...sidecar, schema: 1 };
    writeFileSync(join(folder, 'out.ndjson.json'), JSON.stringify(old));
    writeFileSync(join(folder, 'out.ndjson'), lines.map((line) => `${line}\n`).join(''));
  };

  it('go on under the old ids from the same folder, and are refused elsewhere', async () => {
    const folder = folderOf({ 'a/in/1': 'one', 'a/in/2': 'two', 'elsewhere/x': 'x' });
    assert.equal((await run(folder, 'a/in')).code, 0);
    begin(folder, ['{"id":"a/in/1","status":"ok","value":"one"}']);
    for (const [cwd, docs] of [
      [join(folder, 'a'), 'in'],
      [folder, 'elsewhere'],
    ] as const) {
      const refused = await run(folder, docs, { cwd });
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, /was begun by version 0\.1.* such as "a\/in\/1"/);
      assert.ok(refused.stderr.includes(`cd ${folder} && forkwise run --task`), refused.stderr);
      assert.match(refused.stderr, /--docs a\/in --out \S+out\.ndjson/);
      assert.equal(linesIn(folder).length, 1);
    }
    const { code, stderr } = await run(folder, './a/in');
    assert.equal(code, 0, stderr);
    assert.deepEqual(valuesIn(folder), { 'a/in/1': 'one', 'a/in/2': 'two' });
    assert.equal(sidecarIn(folder).schema, 1);
  });

  it('without a line begin again', async () => {
    const folder = folderOf({ 'in/1': 'one' });
    assert.equal((await run(folder, 'in')).code, 0);
    begin(folder, []);
    assert.equal((await run(folder, 'in')).code, 0);
    assert.deepEqual([valuesIn(folder), sidecarIn(folder).schema], [{ 'in/1': 'one' }, 2]);
  });
});

describe('documents that have a line', () => {
  it('say what their files were; changed ones are counted, and run again when asked for', async () => {
    const folder = folderOf({ 'in/a': 'first', 'in/b': 'stays', 'in/c': 'older' });
    assert.equal((await run(folder, 'in')).code, 0);
    for (const { id, source } of linesIn(folder)) {
      const { size, mtimeMs } = statSync(join(folder, id));
      assert.deepEqual(source, { size, mtimeMs });
    }
    writeFileSync(join(folder, 'in/a'), 'second');
    utimesSync(join(folder, 'in/c'), 1, 1);
    writeFileSync(join(folder, 'in/d'), 'new');
    const kept = await run(folder, 'in', { more: ['--json'] });
    assert.equal(kept.code, 0);
    assert.match(
      kept.stderr,
      /2 documents have changed since they were read; to run them again: --changed run/,
    );
    assert.equal(JSON.parse(kept.stdout).changed, 2);
    assert.deepEqual(valuesIn(folder), { 'in/a': 'first', 'in/b': 'stays', 'in/c': 'older', 'in/d': 'new' });
    const again = await run(folder, 'in', { more: ['--changed', 'run'] });
    assert.equal(again.code, 0);
    assert.match(again.stderr, /2 documents that have lines run again/);
    assert.equal(linesIn(folder).length, 4);
    assert.equal(valuesIn(folder)['in/a'], 'second');
    assert.doesNotMatch((await run(folder, 'in')).stderr, /changed/);
  });

  it('and failed run again with --retry, by status', async () => {
    const folder = folderOf({ 'in/a': 'good', 'in/b': 'bad b', 'in/c': 'bad c' });
    assert.equal((await run(folder, 'in')).code, 4);
    appendFileSync(join(folder, 'out.ndjson'), '{"id":"in/torn');
    writeFileSync(join(folder, 'in/b'), 'mended');
    assert.equal((await run(folder, 'in', { more: ['--retry', 'timed-out,crashed'] })).code, 4);
    assert.equal(valuesIn(folder)['in/b'], 'failed');
    const { code, stdout, stderr } = await run(folder, 'in', { more: ['--retry', 'failed'] });
    assert.equal(code, 4, stderr);
    assert.match(stdout, /^3 documents: 2 ok and 1 failed/);
    assert.deepEqual(valuesIn(folder), { 'in/a': 'good', 'in/b': 'mended', 'in/c': 'failed' });
    assert.equal(linesIn(folder).length, 3);
    const unknown = await run(folder, 'in', { more: ['--retry', 'fail'] });
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /unknown status in --retry "fail"; did you mean "failed"/);
  });

  it('that cannot be read are failed, with what is known of their files', async () => {
    const folder = folderOf({ 'in/a': 'good', 'in/huge': '' });
    truncateSync(join(folder, 'in/huge'), 2 ** 31);
    assert.equal((await run(folder, 'in')).code, 4);
    const [line] = linesIn(folder).filter(({ id }) => id === 'in/huge');
    assert.deepEqual([line.status, line.source.size], ['failed', 2 ** 31]);
    renameSync(join(folder, 'in/a'), join(folder, 'in/huge'));
    assert.equal((await run(folder, 'in', { more: ['--changed', 'run'] })).code, 0);
    assert.equal(valuesIn(folder)['in/huge'], 'good');
  });

  it('are read without their values, whatever these look like', () => {
    const at = { path: 'x', number: 1 };
    const source = { size: 1, mtimeMs: 2.5 };
    const text = JSON.stringify(source);
    const cases = [
      [`{"id":"a","status":"ok","value":{"source":${text}}}`, null],
      [`{"id":"a","status":"ok","value":{"b":1,"source":${text}}}`, null],
      [`{"id":"a","status":"ok","value":{"b":1,"source":${text}},"source":${text}}`, source],
      [`{"id":"a","status":"ok","value":1,"source":null}`, null],
    ] as const;
    for (const [line, expected] of cases) assert.deepEqual(readLine(line, at).source, expected, line);
  });
});
