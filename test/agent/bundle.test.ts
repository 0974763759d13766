import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { unpack } from '../../agent/bundle.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { sourceStack } from '../../workloads/source-stack.js';
import { portable } from '../../workloads/task-bundle.js';
import { compileTask } from '../../workloads/task-file.js';
import { fixture } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env.XDG_CACHE_HOME = join(folder, 'cache');

const task = `import { where } from 'wherever';
import { near } from './near.js';
const hidden: string = 'plain';
export default async function (document: { readonly id: string }) {
  if (document.id === 'bad') throw new Error('bad document');
  const { default: plain } = await import(hidden);
  return [where(), plain(), near(), import.meta.filename];
}
`;
const near = "export const near = () => new URL('./model.bin', import.meta.url).href;\n";

/** Makes a project as a machine has it: with packages of some version, and perhaps with the sources. */
function project(name: string, { version = '1.2.3', sources = false } = {}): string {
  const root = join(folder, name);
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put('package.json', '{ "type": "module" }');
  if (sources) put('src/lines.ts', task);
  if (sources) put('src/near.ts', near);
  put(
    'node_modules/wherever/package.json',
    JSON.stringify({ name: 'wherever', version, type: 'module', exports: './main.js' }),
  );
  put('node_modules/wherever/main.js', 'export const where = () => import.meta.url;\n');
  put('node_modules/plain/package.json', '{ "name": "plain", "version": "0.1.0" }');
  put('node_modules/plain/index.js', 'module.exports = () => __filename;\n');
  return root;
}

const here = project('here', { sources: true });
const bundleIn = async (root: string) => {
  const made = await portable((await compileTask(join(root, 'src/lines.ts'))).ref);
  assert.ok('sha256' in made);
  return made;
};

it('runs on a machine that has only the packages, and names the files of that machine', async () => {
  const { bytes, sha256 } = await bundleIn(here);
  assert.ok(!Buffer.from(bytes).includes(folder), 'a bundle has no path of the machine that made it');
  const there = project('there');
  const ref = unpack(bytes, sha256, there);
  const { default: run } = await loadWorkload(ref);
  const document = { index: 0, id: 'good', size: 0, bytes: new Uint8Array() };
  assert.deepEqual(await run(document, {} as never), [
    pathToFileURL(join(there, 'node_modules/wherever/main.js')).href,
    join(there, 'node_modules/plain/index.js'),
    pathToFileURL(join(there, 'src/model.bin')).href,
    join(there, 'src/lines.ts'),
  ]);
  await assert.rejects(
    async () => run({ ...document, id: 'bad' }, {} as never),
    ({ stack }: Error) => sourceStack(stack ?? '').includes(`${join(there, 'src/lines.ts')}:5:36`),
  );
});

it('has one hash on every machine with the same sources and packages, and another with others', async () => {
  const again = project('again', { sources: true });
  assert.equal((await bundleIn(again)).sha256, (await bundleIn(here)).sha256);
  const newer = project('newer', { sources: true, version: '1.2.4' });
  assert.notEqual((await bundleIn(newer)).sha256, (await bundleIn(here)).sha256);
});

it('says what to install where a package is missing or has another version', async () => {
  const { bytes, sha256 } = await bundleIn(here);
  const other = project('other', { version: '2.0.0' });
  assert.throws(() => unpack(bytes, sha256, other), {
    name: 'WorkloadError',
    message: /wherever is 2\.0\.0, expected 1\.2\.3\n.*npm install --no-save wherever@1\.2\.3$/,
  });
  rmSync(join(other, 'node_modules'), { recursive: true });
  assert.throws(() => unpack(bytes, sha256, other), /wherever 1\.2\.3 is not installed/);
});

it('refuses bytes that do not have the hash', async () => {
  const { bytes, sha256 } = await bundleIn(here);
  const changed = Buffer.from(bytes);
  changed[changed.length >> 1] = (changed[changed.length >> 1] as number) ^ 1;
  assert.throws(() => unpack(changed, sha256, here), /expected a bundle with the SHA-256 [\da-f]{64}, got/);
});

it('refuses a task whose source has changed since it was compiled', async () => {
  const moving = project('moving');
  cpSync(join(here, 'src'), join(moving, 'src'), { recursive: true });
  const { ref } = await compileTask(join(moving, 'src/lines.ts'));
  writeFileSync(join(moving, 'src/near.ts'), "export const near = () => 'changed';\n");
  await assert.rejects(portable(ref), /task "lines" has changed since it was compiled/);
});

it('names a built-in workload, and bundles a module that was not compiled', async () => {
  const url = new URL('../../workloads/built-in/markdown.js', import.meta.url).href;
  assert.deepEqual(await portable({ name: 'any', url }), { workload: 'markdown' });
  assert.ok('sha256' in (await portable(fixture('count-task'))));
});
