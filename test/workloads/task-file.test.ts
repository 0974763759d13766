import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { stableDigest } from '../../bench/trials/digest.js';
import processPool from '../../strategies/library-pool/process-pool.js';
import threadPool from '../../strategies/library-pool/thread-pool.js';
import sequential from '../../strategies/main-thread/sequential.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { compileTask, locateTask } from '../../workloads/task-file.js';
import { cli, documentsOf, outcomesOf, withSession } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env.XDG_CACHE_HOME = join(folder, 'cache');
const at = (name: string) => join(folder, name);

function write(name: string, text: string): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

/** Runs the task on one document in each strategy. The result is `failed: …` when it fails. */
async function resultsOf(task: string | URL): Promise<unknown[]> {
  const { ref } = await compileTask(task);
  const results: unknown[] = [];
  for (const strategy of [sequential, threadPool, processPool]) {
    const [outcome] = await withSession(strategy, ref, { workers: 1 }, (session) =>
      outcomesOf(session, documentsOf(['a']), 1),
    );
    results.push(outcome?.status === 'ok' ? outcome.value : `${outcome?.status}: ${outcome?.error.message}`);
  }
  return results;
}

async function worksEverywhere(task: string, expected: unknown): Promise<void> {
  for (const result of await resultsOf(task))
    assert.equal(stableDigest(result), stableDigest(expected), `${JSON.stringify(result)}`);
}

/** A package whose main file is a native addon, as it was built for this machine. */
function nativePackage(): void {
  const { platform, arch } = process;
  const require = createRequire(createRequire(import.meta.url).resolve('@resvg/resvg-js'));
  const names = [
    `${platform}-${arch}-gnu`,
    `${platform}-${arch}-musl`,
    `${platform}-${arch}-msvc`,
    `${platform}-${arch}`,
  ];
  const found = names.flatMap((name) => {
    try {
      return [require.resolve(`@resvg/resvg-js-${name}`)];
    } catch {
      return [];
    }
  });
  write('node_modules/native/package.json', '{ "name": "native", "main": "index.js" }');
  write('node_modules/native/index.js', "module.exports = require('./addon.node');");
  copyFileSync(found[0] as string, at('node_modules/native/addon.node'));
  copyFileSync(found[0] as string, at('own.node'));
}

describe('a task runs on the main thread, in a thread and in a process:', () => {
  write('deep/words.txt', 'one two');
  write(
    'deep/words.mts',
    `import { readFileSync } from 'node:fs';
     export const words: string = readFileSync(new URL('./words.txt', import.meta.url), 'utf8');
     const { filename } = import.meta;
     export const places = [import.meta.dirname, filename, import.meta.resolve('./words.txt')];`,
  );

  it('TypeScript with files beside its sources', async () => {
    const task = write(
      'paths.ts',
      `#!/usr/bin/env node
       import { createRequire } from 'node:module';
       import { dirname } from 'node:path';
       import { fileURLToPath } from 'node:url';
       import type { Nothing } from './nowhere.js';
       import { places, words } from './deep/words.mjs';
       const __dirname: string = dirname(fileURLToPath(import.meta.url));
       const require = createRequire(import.meta.url);
       enum Level { Low = 7 }
       const path = require('node:path').sep;
       const level = Level.Low;
       export default ({ id }: { id: string }) => ({ id, words, places, __dirname, level, path });`,
    );
    const places = [at('deep'), at('deep/words.mts'), pathToFileURL(at('deep/words.txt')).href];
    await worksEverywhere(task, {
      id: 'a',
      words: 'one two',
      places,
      __dirname: folder,
      level: 7,
      path: sep,
    });
  });

  it('CommonJS, with a package that has a module of each kind, and one that is not there', async () => {
    write(
      'node_modules/dual/package.json',
      '{ "name": "dual", "exports": { "import": "./i.mjs", "require": "./r.cjs" } }',
    );
    write('node_modules/dual/i.mjs', "export default 'imported';");
    write('node_modules/dual/r.cjs', "module.exports = 'required';");
    write(
      'deep/part.cjs',
      "'use strict'; exports.file = __filename; exports.load = (name) => require(name);",
    );
    const task = write(
      'common.cjs',
      `'use strict';
       const part = require('./deep/part.cjs');
       let missing = 'found';
       try { require('not-there'); } catch (cause) { missing = cause.code; }
       const imported = async () => (await import('dual')).default;
       const required = () => [require('dual'), part.load('dual')];
       module.exports = async () => [__filename, part.file, ...required(), await imported(), missing];
       module.exports.kind = 'io';`,
    );
    const found = [task, at('deep/part.cjs'), 'required', 'required', 'imported', 'MODULE_NOT_FOUND'];
    await worksEverywhere(task, found);
    assert.equal((await loadWorkload((await compileTask(task)).ref)).kind, 'io');
  });

  it('CommonJS made from TypeScript, a default export in a default export', async () => {
    const task = write(
      'twice.js',
      `Object.defineProperty(exports, '__esModule', { value: true });
       exports.default = { default: ({ size }) => size, kind: 'cpu' };`,
    );
    await worksEverywhere(task, 100);
    const { ref } = await compileTask(task);
    assert.equal((await loadWorkload(ref)).kind, 'cpu');
    await worksEverywhere(
      write('equals.cts', 'const task = (): number => 3; export = { default: task };'),
      3,
    );
  });

  it('a native addon, in a package and of its own', async () => {
    nativePackage();
    const task = write(
      'native.mts',
      `import { createRequire } from 'node:module';
       import native from 'native';
       const own = createRequire(import.meta.url)('./own.node');
       export default () => [Object.keys(native).length > 0, Object.keys(own).length > 0];`,
    );
    await worksEverywhere(task, [true, true]);
    await worksEverywhere(
      write(
        'addon.cjs',
        "const own = require('./own.node'); exports.default = () => Object.keys(own).length > 0;",
      ),
      true,
    );
  });

  it('top-level await', async () => {
    await worksEverywhere(
      write('waits.mjs', 'const answer = await Promise.resolve(42); export default () => answer;'),
      42,
    );
  });

  it('JSON, with an attribute and without, its own and in a package', async () => {
    write('data.json', '{ "unit": "mm" }');
    write('node_modules/tables/table.json', '[1, 2]');
    const task = write(
      'json.ts',
      `import plain from './data.json';
       import marked from './data.json' with { type: 'json' };
       import table from 'tables/table.json';
       export default () => [plain, marked, table];`,
    );
    await worksEverywhere(task, [{ unit: 'mm' }, { unit: 'mm' }, [1, 2]]);
  });

  it('an instance of a class as its result', async () => {
    const task = write(
      'instance.ts',
      `class Point { constructor(public x: number, public y = 2) {} sum() { return this.x + this.y; } }
       export default () => new Point(1);`,
    );
    await worksEverywhere(task, { x: 1, y: 2 });
  });

  it('a result of 50 MB', async () => {
    const results = await resultsOf(
      write('large.mjs', 'export default () => new Uint8Array(50_000_000).fill(7);'),
    );
    for (const result of results) {
      assert.ok(result instanceof Uint8Array);
      assert.deepEqual([result.length, result[49_999_999]], [50_000_000, 7]);
    }
  });

  it('another export than the default one', async () => {
    const task = write(
      'several.ts',
      `export const setup = () => 5;
       export const clean = (_: unknown, { state }: { state: number }) => state;
       export const kind = 'cpu';`,
    );
    const compiled = await compileTask(`${task}#clean`);
    assert.deepEqual([compiled.ref.name, compiled.export, compiled.file], ['several#clean', 'clean', task]);
    await worksEverywhere(`${task}#clean`, 5);
    assert.equal((await compileTask(new URL(`${pathToFileURL(task).href}#clean`))).ref.url, compiled.ref.url);
    await worksEverywhere(`${write('several.cjs', 'exports.clean = () => 1;')}#clean`, 1);
  });
});

it('a task that throws when it is loaded is refused everywhere, with its own words', async () => {
  const file = write('throws.ts', "throw new Error('no licence'); export default () => 1;");
  const { ref } = await compileTask(file);
  for (const strategy of [sequential, threadPool, processPool]) {
    await assert.rejects(
      withSession(strategy, ref, { workers: 1 }, async () => {}),
      { name: 'WorkloadError', message: `task module "throws" failed to load: no licence (at ${file}:1:7)` },
      strategy.name,
    );
  }
});

it('an import of a computed name is found from its source, and a text is no import', async () => {
  write('node_modules/found/package.json', '{ "name": "found", "main": "main.js" }');
  write('node_modules/found/main.js', 'module.exports = "package";');
  write('computed/parts/one.mjs', 'export default "one";');
  write(
    'computed/parts/load.ts',
    `const name = (given: string): string => given;
export const text = \`
import(name)
x = import(name)\`;
import(name('./one.mjs')).catch(() => {});
export const load = async () => [
  (await import(name('./one.mjs'))).default,
  (await import(name('found'))).default,
  (await import(name('fs'))).default === (await import(name('node:fs'))).default,
  await import(name('./none.mjs')).catch(({ code }) => code),
];`,
  );
  const task = write(
    'computed/task.ts',
    `import { load, text } from './parts/load.ts';
     export default async () => [...(await load()), text, 'import(x)'];`,
  );
  const text = '\nimport(name)\nx = import(name)';
  await worksEverywhere(task, ['one', 'package', true, 'ERR_MODULE_NOT_FOUND', text, 'import(x)']);
});

it('classes and functions have the names that the sources give them', async () => {
  write(
    'names/shape.ts',
    'export class Shape { static of() { return new Shape(); } }\nexport async function f() {}',
  );
  write(
    'names/code.ts',
    'export const code = `\nclass Shape {\nfunction f(\n`;\nexport class Own { static name = 1; }',
  );
  const task = write(
    'names/task.ts',
    `import { code, Own } from './code.ts';
     import { f as other, Shape as Other } from './shape.ts';
     class Shape extends Error {
       constructor(text: string) { super(text); this.name = new.target.name; }
       again() { return new Shape('again'); }
     }
     function f() {}
     export default () => {
       const made = [Other.of().constructor.name, new Shape('').again().name, other.name, f.name, Own.name];
       return [...made, code.length];
     };`,
  );
  await worksEverywhere(task, ['Shape', 'Shape', 'f', 'f', 1, 27]);
});

it('a task that prints does not print into the results', async () => {
  write(
    'prints.ts',
    `console.log('loaded');
     export default ({ id }: { id: string }) => { console.log('at', id); return id; };`,
  );
  const args = [
    'bench',
    '--task',
    'prints.ts',
    '--profile',
    'smoke',
    '--documents',
    '2',
    '--workers',
    '1',
    '--json',
    '--out',
    'prints',
  ];
  const strategies = 'sequential,thread-pool,process-pool,self-scheduling,queue';
  const { code, stdout, stderr } = await cli([...args, '--strategies', strategies], folder);
  assert.equal(code, 0, stderr);
  assert.doesNotThrow(() => JSON.parse(stdout), stdout.slice(0, 200));
  assert.match(stderr, /prints: .*measured as "(cpu|io|mixed)": it waited \d+ % of the time \(2 documents\)/);
});

it('a task that this user may not read is refused with the reason', {
  skip: process.platform === 'win32',
}, () => {
  const open = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  const { seteuid } = process;
  const isRoot = process.geteuid?.() === 0;
  try {
    const file = join(open, 'secret.mjs');
    writeFileSync(file, 'export default () => 1;');
    chmodSync(open, 0o755);
    chmodSync(file, 0o000);
    if (isRoot) seteuid?.call(process, 65_534); // root may read every file
    assert.throws(() => locateTask(file), {
      name: 'WorkloadError',
      message: `task "${file}" cannot be read: permission denied; let this user read it`,
    });
  } finally {
    if (isRoot) seteuid?.call(process, 0);
    rmSync(open, { recursive: true, force: true });
  }
});
