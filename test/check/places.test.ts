import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onlyLong } from '../support.js';
import { checkTask } from './check-command.js';

/**
 * These tasks behave differently on the main thread, in threads and in processes: an error with its cause.
 */

describe('places', { concurrency: 2 }, () => {
  it('differ in their stack: deep documents work in threads and fail elsewhere', async () => {
    const { said, bad, result } = await checkTask(
      'deep.mjs',
      `const depth = (n) => (n === 0 ? 0 : 1 + depth(n - 1));
       export default ({ id }) => depth(id.endsWith('7.txt') ? 30_000 : 10);`,
      { documents: 12 },
    );
    assert.deepEqual(bad, ['failures', 'places']);
    assert.match(
      said('places').join('\n'),
      /two threads.*: 1 document worked here but failed on the main thread: "docs\/7\.txt" \(Maximum call/,
    );
    const places = result.findings.find(({ id, level }) => id === 'places' && level === 'error');
    assert.match(places?.remedy ?? '', /a thread has 4 MB of stack/);
  });

  it('differ in the time zone that is set at run time', onlyLong, async () => {
    const { said, bad, result } = await checkTask(
      'zone.mjs',
      `process.env.TZ = 'Pacific/Kiritimati';
       export default ({ size }) => new Date(1e9 * size).getHours();`,
    );
    assert.deepEqual(bad, ['places']);
    assert.match(
      said('places').join('\n'),
      /error: two threads at once: .* from the main thread.*the task sets TZ/,
    );
    const places = result.findings.find(({ id, level }) => id === 'places' && level === 'error');
    assert.match(places?.remedy ?? '', /set the variable before Node starts/);
  });

  it('share files, which workers overwrite for each other', onlyLong, async () => {
    const { said, bad } = await checkTask(
      'scratch.mjs',
      `import { readFile, rm, writeFile } from 'node:fs/promises';
       import { tmpdir } from 'node:os';
       import { join } from 'node:path';
       const scratch = join(tmpdir(), 'scratch-' + process.pid);
       export default async ({ bytes }) => {
         await writeFile(scratch, bytes);
         await new Promise((resolve) => setTimeout(resolve, 15));
         const { length } = await readFile(scratch);
         await rm(scratch);
         return length;
       };`,
    );
    assert.ok(bad.includes('places') && bad.includes('in-flight'), bad.join());
    assert.match(said('places').join('\n'), /error: two threads at once: /);
    assert.match(said('places').join('\n'), /ok: child process: as on the main thread/);
  });

  it('share ports, which only one worker can have', async () => {
    const { said, result } = await checkTask(
      'port.mjs',
      `import { createServer } from 'node:net';
       export const setup = () =>
         new Promise((resolve, reject) => {
           const server = createServer().unref();
           const options = { port: ${30_000 + (process.pid % 20_000)}, exclusive: true };
           server.on('error', reject).listen(options, () => resolve(server));
         });
       export const teardown = (server) => server.close();
       export default ({ size }) => size;`,
    );
    assert.match(said('loads').join(), /^error: does not load in two threads at once: .*EADDRINUSE/);
    assert.match(result.findings.find(({ id }) => id === 'loads')?.remedy ?? '', /port \(0\)/);
  });

  it('differ in what is on the main thread alone, in both directions', onlyLong, async () => {
    const { said, bad } = await checkTask(
      'thread.mjs',
      `import { isMainThread } from 'node:worker_threads';
       export default ({ id, size }) => {
         if (id.endsWith('/1.txt') && isMainThread) throw new Error('only in a thread');
         if (id.endsWith('/2.txt') && !isMainThread) throw new Error('only on the main thread');
         return size;
       };`,
    );
    assert.deepEqual(bad, ['failures', 'places']);
    const all = said('places').join('\n');
    assert.match(all, /worked here but failed on the main thread: "docs\/1\.txt" \(only in a thread\)/);
    assert.match(
      all,
      /failed here but worked on the main thread: "docs\/2\.txt" \(only on the main thread\)/,
    );
  });

  it('differ in earlier documents: fresh workers begin with others', onlyLong, async () => {
    const { said, bad } = await checkTask(
      'header.mjs',
      `let header = null;
       export default ({ id, size }) => {
         header ??= id;
         for (const until = performance.now() + size / 100; performance.now() < until; );
         return header;
       };`,
      { documents: 20 },
    );
    assert.deepEqual(bad, ['places']);
    assert.match(said('places').join('\n'), /results differ from the main thread/);
  });

  it('have no standard input to read', onlyLong, async () => {
    const { said } = await checkTask(
      'stdin.mjs',
      'export default ({ size }) => (process.stdin.isTTY === true ? 0 : size);',
    );
    assert.match(said('trap-stdin').join(), /^warning: reads process\.stdin \(\d+ times\)/);
  });
});

describe('what a tsconfig asks for in vain', { concurrency: 2 }, () => {
  const decorated = `
    function field(_target: unknown, _key: unknown) {}
    class Row { @field name!: string; }
    export default ({ size }: { size: number }) => size + Row.name.length;`;

  it('is a warning that names option and file, inherited options too', async () => {
    const { code, said, bad } = await checkTask('row.ts', decorated, {
      files: {
        'tsconfig.json': `{ // as tsc reads it
          "extends": "./base.json",
          "compilerOptions": { "experimentalDecorators": true, "plugins": [{ "transform": "shapes", }], },
        }`,
        'base.json': '{ "compilerOptions": { "emitDecoratorMetadata": true, "rootDirs": ["src", "made"] } }',
      },
    });
    assert.equal(code, 0);
    assert.deepEqual(bad, ['compiled-otherwise']);
    assert.deepEqual(
      said('compiled-otherwise').map((text) => /"(\w+)"/.exec(text)?.[1]),
      ['emitDecoratorMetadata', 'plugins', 'rootDirs'],
    );
  });

  it('is nothing without decorators, and for options that do not change how the task runs', async () => {
    const { bad } = await checkTask(
      'plain.ts',
      `/** @param size of the document */
       export default ({ size }: { size: number }) => \`@\${size}\`;`,
      {
        files: {
          'tsconfig.json':
            '{ "compilerOptions": { "emitDecoratorMetadata": true, "plugins": [{ "name": "ls" }] } }',
        },
      },
    );
    assert.deepEqual(bad, []);
  });
});
