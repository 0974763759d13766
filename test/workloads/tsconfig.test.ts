import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadWorkload } from '../../workloads/load-workload.js';
import { compileTask } from '../../workloads/task-file.js';
import { notHonoured } from '../../workloads/tsconfig-limits.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env.XDG_CACHE_HOME = join(folder, 'cache');

function write(files: Readonly<Record<string, string | object>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
}

const compiled = (name: string) => compileTask(join(folder, name));

async function resultOf(name: string): Promise<unknown> {
  const task = await loadWorkload((await compiled(name)).ref);
  return task.default(undefined as never, undefined as never);
}

const warningsOf = async (name: string) => notHonoured(new URL((await compiled(name)).ref.url));

/** tsc's own decorators get a name as their second argument; those of the standard get an object. */
const decorated = `
const kinds: string[] = [];
const mark = (_target: unknown, key: unknown): void => void kinds.push(typeof key);
export class Marked { @mark size!: number; }
export const decorators = (): string => kinds.join();
`;
/** An inherited setter runs where a field is assigned, and not where it is defined. */
const fields = `
let calls = 0;
class Base { set size(_: number) { calls++; } }
class Derived extends Base { size = 1; }
export const assigned = (): boolean => { new Derived(); return calls > 0; };
`;
const own = (text: string) => `${text}\nexport default () => [decorators?.(), assigned?.()];`;
const both = own(`${decorated}${fields}`);

describe('the nearest tsconfig.json holds for a file:', () => {
  const cases: Readonly<Record<string, readonly [unknown, unknown]>> = {
    experimentalDecorators: [{ experimentalDecorators: true }, ['string', false]],
    'no option': [{}, ['object', false]],
    'useDefineForClassFields: false': [{ useDefineForClassFields: false }, ['object', true]],
    'a target without class fields': [{ target: 'ES2021' }, ['object', true]],
    'a target without class fields, and useDefineForClassFields': [
      { target: 'ES2020', useDefineForClassFields: true },
      ['object', false],
    ],
  };
  for (const [index, [name, [compilerOptions, expected]]] of Object.entries(cases).entries()) {
    it(name, async () => {
      write({
        [`options-${index}/tsconfig.json`]: { compilerOptions },
        [`options-${index}/src/task.ts`]: both,
      });
      assert.deepEqual(await resultOf(`options-${index}/src/task.ts`), expected);
    });
  }

  it('also one that uses import.meta', async () => {
    write({
      'meta/tsconfig.json': { compilerOptions: { experimentalDecorators: true } },
      'meta/task.ts': `${decorated}
        export default () => [decorators(), import.meta.filename.endsWith('task.ts')];`,
    });
    assert.deepEqual(await resultOf('meta/task.ts'), ['string', true]);
  });

  it('each file of a task has its own', async () => {
    const file = `${decorated}${fields}export const seen = () => [decorators(), assigned()];`;
    write({
      'apps/tsconfig.json': { compilerOptions: { experimentalDecorators: true } },
      'apps/task.ts': `
        import { seen as far } from '../packages/far/index.ts';
        import { seen as inner } from './inner/deep/index.js';
        import { seen as here } from './here';
        export default () => [here(), inner(), far()];`,
      'apps/here.ts': file,
      'apps/inner/tsconfig.json': { compilerOptions: { useDefineForClassFields: false } },
      'apps/inner/deep/index.ts': file,
      'packages/far/index.ts': file,
    });
    assert.deepEqual(await resultOf('apps/task.ts'), [
      ['string', false],
      ['object', true],
      ['object', false],
    ]);
  });

  it('extends, one file or several or one of a package, the last first', async () => {
    write({
      'bases/decorators.json': { compilerOptions: { experimentalDecorators: true, target: 'ES2021' } },
      'bases/fields.json': { compilerOptions: { useDefineForClassFields: true } },
      'node_modules/our-tsconfig/package.json': { name: 'our-tsconfig' },
      'node_modules/our-tsconfig/strict.json': { extends: '../../bases/decorators.json' },
      'several/tsconfig.json': { extends: ['our-tsconfig/strict.json', '../bases/fields.json'] },
      'several/task.ts': both,
      'one/tsconfig.json': '{ // tsc reads comments\n "extends": "our-tsconfig/strict", }',
      'one/task.ts': both,
    });
    assert.deepEqual(await resultOf('several/task.ts'), ['string', false]);
    assert.deepEqual(await resultOf('one/task.ts'), ['string', true]);
    assert.deepEqual([...(await warningsOf('several/task.ts')), ...(await warningsOf('one/task.ts'))], []);
  });

  it('paths and baseUrl', async () => {
    write({
      'aliases/tsconfig.json': {
        compilerOptions: {
          baseUrl: './src',
          paths: { '@shapes/*': ['missing/*', 'shapes/*'], own: ['own'] },
        },
      },
      'aliases/src/shapes/round.ts': `import { own } from 'own';\nexport const round = own + 'round';`,
      'aliases/src/own.ts': `export const own: string = 'own ';`,
      'aliases/src/tasks/task.ts': `
        import { round } from '@shapes/round';
        import { round as again } from 'shapes/round';
        export default () => round + again;`,
    });
    assert.equal(await resultOf('aliases/src/tasks/task.ts'), 'own roundown round');
  });

  it('jsx and its functions', async () => {
    const jsx = (head: string) => `${head}\nexport default () => <a b={1}><>c</></a>;`;
    write({
      'classic/tsconfig.json': {
        compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Many' },
      },
      'classic/task.tsx': jsx(
        `const Many = 'many'; const h = (type: string, _: unknown, ...inside: unknown[]) => [type, inside];`,
      ),
      'automatic/tsconfig.json': { compilerOptions: { jsx: 'react-jsx', jsxImportSource: 'tiny-view' } },
      'automatic/task.tsx': jsx(''),
      'node_modules/tiny-view/package.json': {
        name: 'tiny-view',
        type: 'module',
        exports: { './jsx-runtime': './runtime.js' },
      },
      'node_modules/tiny-view/runtime.js': `
        export const jsx = (type, { children }) => [type, children];
        export const Fragment = 'fragment';`,
    });
    assert.deepEqual(await resultOf('classic/task.tsx'), ['a', [['many', ['c']]]]);
    assert.deepEqual(await resultOf('automatic/task.tsx'), ['a', ['fragment', 'c']]);
  });
});

describe('a task is compiled again when a tsconfig.json changes', () => {
  for (const changed of ['tsconfig.json', 'base.json']) {
    it(changed, async () => {
      const base = { 'changes/tsconfig.json': { extends: './base.json' }, 'changes/base.json': {} };
      write({ ...base, 'changes/task.ts': both });
      const before = await compiled('changes/task.ts');
      assert.deepEqual(await compiled('changes/task.ts'), before);
      write({ [`changes/${changed}`]: { compilerOptions: { experimentalDecorators: true } } });
      const after = await compiled('changes/task.ts');
      assert.notEqual(after.ref.url, before.ref.url);
      assert.notEqual(after.sha256, before.sha256);
      assert.deepEqual(await resultOf('changes/task.ts'), ['string', false]);
    });
  }
});

describe('what a tsconfig.json asks for in vain is said once', () => {
  it('for JSX that shall be kept, and only where there is some', async () => {
    write({
      'kept/tsconfig.json': { compilerOptions: { jsx: 'preserve' } },
      'kept/task.ts': `import { view } from './view.tsx';\nexport default view;`,
      'kept/view.tsx': `const React = { createElement: String };\nexport const view = () => <b />;`,
      'kept/plain.ts': 'export default () => 1;',
    });
    assert.match(
      (await warningsOf('kept/task.ts')).join(),
      /^[^,]*kept.tsconfig\.json: .*cannot do "jsx": [^"]*$/,
    );
    assert.deepEqual(await warningsOf('kept/plain.ts'), []);
  });

  it('for options that only referenced projects set', async () => {
    write({
      'solution/tsconfig.json': {
        files: [],
        references: [{ path: './tsconfig.app.json' }, { path: './tool' }],
      },
      'solution/tsconfig.app.json': { extends: './base.json' },
      'solution/base.json': { compilerOptions: { experimentalDecorators: true, strict: true } },
      'solution/tool/tsconfig.json': { compilerOptions: { jsx: 'react-jsx' } },
      'solution/src/task.ts': `import './other.ts';${both}`,
      'solution/src/other.ts': 'export {};',
    });
    const said = await warningsOf('solution/src/task.ts');
    assert.equal(said.length, 1, said.join());
    assert.match(said.join(), /without "experimentalDecorators", which only its references set$/);
  });

  it('for a file that it extends and that is not there', async () => {
    write({ 'torn/tsconfig.json': { extends: './gone.json' }, 'torn/task.ts': both });
    const said = await warningsOf('torn/task.ts');
    assert.equal(said.length, 1, said.join());
    assert.match(said.join(), /without the options of "\.\/gone\.json", which was not found$/);
  });

  it('and not for JavaScript that tsc has made, whose source map names TypeScript', async () => {
    write({
      'made/tsconfig.json': { compilerOptions: { emitDecoratorMetadata: true } },
      'made/src/task.ts': both,
      'made/dist/task.js': 'export default () => 1;\n//# sourceMappingURL=task.js.map\n',
      'made/dist/task.js.map': { version: 3, sources: ['../src/task.ts'], names: [], mappings: 'AAAA' },
    });
    assert.deepEqual(await warningsOf('made/dist/task.js'), []);
    assert.equal((await warningsOf('made/src/task.ts')).length, 1);
  });

  it('in a folder whose name has special characters', async () => {
    const name = 'a #1%20 (ü)';
    write({
      [`${name}/tsconfig.json`]: { compilerOptions: { emitDecoratorMetadata: true } },
      [`${name}/task.ts`]: both,
    });
    assert.match((await warningsOf(`${name}/task.ts`)).join(), /emitDecoratorMetadata/);
  });
});
