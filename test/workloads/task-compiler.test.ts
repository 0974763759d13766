import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadWorkload } from '../../workloads/load-workload.js';
import { compileTask } from '../../workloads/task-file.js';
import { cli } from '../support.js';

/** How a task is compiled and kept, and what is said where that fails. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env.XDG_CACHE_HOME = join(folder, 'cache');
const at = (name: string) => join(folder, name);

function write(name: string, text: string): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

describe('an error says what to do about', () => {
  mkdirSync(at('deep'));
  write('broken.ts', 'const a: number = 1;\nexport default () = > a;');
  write('lodahs.ts', "import x from 'lodahs';\nexport default () => x;");
  write('module.wasm', '');
  write('wasm.ts', "import x from './module.wasm';\nexport default () => x;");
  write('named.ts', 'export const parse = () => 1; export const tidy = () => 2;');
  const cases: [task: string, message: RegExp][] = [
    ['nowhere.ts', /^task ".*nowhere\.ts": there is no such file \(looked for .*nowhere\.ts\)$/],
    ['deep', /expected a module, got a folder; name the file in it$/],
    ['module.wasm', /expected a module that ends in \.ts, .*, got "module\.wasm"$/],
    ['broken.ts', /does not compile: .*broken\.ts:2:\d+: .*; correct the source$/],
    ['lodahs.ts', /lodahs\.ts:1:15: Could not resolve "lodahs"; install the package, or correct the path$/],
    ['wasm.ts', /wasm\.ts:1:15: No loader is configured .*; read such a file with node:fs/],
    ['named.ts#prase', /there is no export "prase"; did you mean "parse"\? \(it exports: parse, tidy\)$/],
    ['named.ts#', /expected the name of an export after "#", got nothing$/],
  ];
  for (const [task, message] of cases) {
    it(task, () => assert.rejects(compileTask(at(task)), { name: 'WorkloadError', message }));
  }

  it('exports that only loading can tell', async () => {
    const { ref } = await compileTask(`${write('late.cjs', 'exports.parse = () => 1;')}#prase`);
    await assert.rejects(loadWorkload(ref), {
      name: 'WorkloadError',
      message: /no function "prase" among its exports \(functions that it exports: parse\)$/,
    });
    const unnamed = await compileTask(at('named.ts'));
    await assert.rejects(
      loadWorkload(unnamed.ref),
      /expected a default export that is a function, got none; name another, as in "named\.ts#parse"/,
    );
  });

  it('a function, or anything else that is no path', async () => {
    await assert.rejects(compileTask((() => 1) as unknown as string), {
      name: 'TypeError',
      message: /a function cannot be sent to a worker.*put it into a file/,
    });
    await assert.rejects(compileTask(7 as unknown as string), {
      name: 'TypeError',
      message: /got a value of type number$/,
    });
    await assert.rejects(compileTask(new URL('https://example.org/x.js')), {
      name: 'TypeError',
      message: /expected a file URL/,
    });
  });
});

describe('the compiled module', () => {
  const task = write('kept.ts', 'export default (): number => 1;');
  const cache = at('cache/forkwise/tasks');

  it('is the same file for the same source, from any folder, and another for another', async () => {
    const first = await compileTask(task);
    const here = process.cwd();
    process.chdir(folder);
    const second = await compileTask('./kept.ts').finally(() => process.chdir(here));
    assert.deepEqual(second, first);
    write('kept.ts', 'export default (): number => 2;');
    const changed = await compileTask(task);
    assert.notEqual(changed.ref.url, first.ref.url);
    assert.notEqual(changed.sha256, first.sha256);
    assert.deepEqual(
      readdirSync(cache).filter((name) => name.endsWith('.tmp')),
      [],
    );
    if (process.platform !== 'win32') assert.equal(statSync(cache).mode & 0o777, 0o700);
  });

  it('is written again when its place has other content', async () => {
    const { ref } = await compileTask(task);
    const path = fileURLToPath(ref.url);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, 'export default () => "stale";');
    assert.equal((await compileTask(task)).ref.url, ref.url);
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  it('is in a temporary folder, removed with the process, when the cache cannot be written', async () => {
    const notAFolder = write('not-a-folder', '');
    mkdirSync(at('tmp'));
    const { code, stdout, stderr } = await cli(
      ['check', '--task', 'kept.ts', '--documents', '2', '--json'],
      folder,
      {
        XDG_CACHE_HOME: join(notAFolder, 'x'),
        TMPDIR: at('tmp'),
      },
    );
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).sound, true);
    assert.deepEqual(readdirSync(at('tmp')), []);
  });

  it('has a source map that leads to the source', async () => {
    const { ref } = await compileTask(
      write(
        'deep/throws.ts',
        '\n\ninterface Nothing {}\nexport default () => { throw new Error(import.meta.url); };',
      ),
    );
    const map = JSON.parse(readFileSync(`${fileURLToPath(ref.url)}.map`, 'utf8')) as {
      sources: (string | null)[];
    };
    assert.ok(
      map.sources.some((source) => source === pathToFileURL(at('deep/throws.ts')).href),
      map.sources.join(),
    );
  });
});
