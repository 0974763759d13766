import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import { alive, descendants, until } from '../processes.js';
import { folderOf, onLinux, root, run, start, task } from './job.js';
import { assertComplete, readShardFolder } from './shard-folder.js';

const words = (strategy: string, more: readonly string[] = []) =>
  `run --task ./task.mjs --docs docs --shards out --strategy ${strategy} --workers 2`.split(' ').concat(more);
const small = words('thread-pool', ['--shard-size', '2KB']);

/** Names and texts of documents. A line has about 110 bytes. */
const texts = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`d${String(i).padStart(3, '0')}`, 'x'.repeat(20)]),
  );
const idsOf = (documents: Readonly<Record<string, string>>) =>
  Object.keys(documents).map((id) => `docs/${id}`);
const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : null);

describe('--shards', () => {
  it('writes shards of limited size with their checksums, and failures apart', async () => {
    const documents = { ...texts(100), bad: 'bad', large: 'y'.repeat(5000) };
    const folder = folderOf(documents);
    const { code, stdout, stderr } = await run(folder, small);
    assert.equal(code, 4, stderr);
    assert.match(stdout, /^102 documents: 101 ok and 1 failed · .* · \d+ shards in out$/m);
    const { lines, failed, sizes } = assertComplete(join(folder, 'out'), idsOf(documents));
    assert.deepEqual(
      failed.map(({ id, status, error }) => [id, status, error?.name]),
      [['docs/bad', 'failed', 'RangeError']],
    );
    assert.equal(lines.find(({ id }) => id === 'docs/large')?.value, documents.large);
    assert.ok(sizes.length > 5);
    for (const name of filesIn(join(folder, 'out')) ?? []) {
      if (!name.startsWith('shard')) continue;
      const { length } = readFileSync(join(folder, 'out', name));
      assert.ok(length <= 2000 || (length > 5000 && length < 5200), `${name} has ${length} bytes`);
    }
    const again = await run(folder, [...small, '--json']);
    assert.equal(again.code, 4);
    const { out, shards, ok, earlier, complete } = JSON.parse(again.stdout);
    assert.deepEqual([out, shards, ok, earlier, complete], ['out', sizes.length, 101, 102, true]);
  });

  it('runs documents again by --retry and --changed, and replaces their shards', async () => {
    const documents: Record<string, string> = { ...texts(60), bad: 'bad' };
    const folder = folderOf(documents);
    assert.equal((await run(folder, small)).code, 4);
    writeFileSync(join(folder, 'docs', 'bad'), 'good');
    writeFileSync(join(folder, 'docs', 'd007'), 'changed');
    utimesSync(join(folder, 'docs', 'd007'), 1, 1);
    const { code, stderr } = await run(folder, [...small, '--retry', 'failed', '--changed', 'run']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /2 documents that have lines run again/);
    const { lines } = assertComplete(join(folder, 'out'), idsOf(documents));
    const textOf = (name: string) => lines.find(({ id }) => id === `docs/${name}`)?.value;
    assert.deepEqual([textOf('bad'), textOf('d007'), textOf('d008')], ['good', 'changed', documents.d008]);
  });

  it('compresses by choice, and goes on with other choices', async () => {
    const documents = texts(40);
    const folder = folderOf(documents);
    const gzip = await run(folder, [...small, '--shard-compression', 'gzip']);
    assert.equal(gzip.code, 0, gzip.stderr);
    assert.ok(filesIn(join(folder, 'out'))?.includes('shard.00001.ndjson.gz'));
    assertComplete(join(folder, 'out'), idsOf(documents));
    writeFileSync(join(folder, 'docs', 'more'), 'more');
    const more = await run(folder, words('sequential'));
    assert.equal(more.code, 0, more.stderr);
    assertComplete(join(folder, 'out'), [...idsOf(documents), 'docs/more']);
  });

  it('has zstd where Node has it', async () => {
    const folder = folderOf(texts(40));
    const args = [...small, '--shard-compression', 'zstd'];
    const { code, stderr } = await run(folder, args);
    const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Buffer) => Buffer };
    if (zstdDecompressSync === undefined) {
      assert.equal(code, 2);
      assert.match(stderr, /expected Node 22\.15 or later with --shard-compression zstd, got v/);
      assert.equal(filesIn(join(folder, 'out')), null);
      return;
    }
    assert.equal(code, 0, stderr);
    const shards = filesIn(join(folder, 'out'))?.filter((name) => name.startsWith('shard')) ?? [];
    const text = shards.map((name) => zstdDecompressSync(readFileSync(join(folder, 'out', name)))).join('');
    assert.equal(text.split('\n').length, 41);
    assert.equal((await run(folder, args)).code, 0); // it reads them
  });

  it('by --order input has the order of the documents, whichever end first', async () => {
    const gate = join(root, 'order-gate');
    const documents = { a: `gate ${gate}`, ...texts(50), e: 'bad', z: `gate ${gate}` };
    for (const strategy of ['thread-pool', 'queue']) {
      rmSync(gate, { force: true });
      const folder = folderOf(documents);
      const job = start(folder, words(strategy, ['--shard-size', '2KB', '--order', 'input']));
      await until(() => filesIn(join(folder, 'out'))?.includes('failed.ndjson') === true);
      writeFileSync(gate, '');
      const { code, stderr } = await job.ended;
      assert.equal(code, 4, stderr);
      const { lines } = assertComplete(join(folder, 'out'), idsOf(documents));
      assert.deepEqual(
        lines.map(({ id }) => id),
        idsOf(documents)
          .filter((id) => id !== 'docs/e')
          .sort(),
      );
    }
  });
});

describe('--shards is refused', () => {
  const refused: [
    why: string,
    prepare: (folder: string) => void,
    args: readonly string[],
    message: RegExp,
  ][] = [
    ['beside --out', () => {}, [...small, '--out', 'x'], /expected either --out or --shards, got both/],
    ['with an unknown order', () => {}, [...small, '--order', 'size'], /--order to be completion or input/],
    [
      'with an unknown compression',
      () => {},
      [...small, '--shard-compression', 'gz'],
      /did you mean "gzip"\?/,
    ],
    ['with shards that are too large', () => {}, [...small, '--shard-size', '2GB'], /at most 1GB, got "2GB"/],
    ['for a file', (f) => writeFileSync(join(f, 'out'), ''), small, /expected a folder, and it is none/],
    [
      'for a folder with other files',
      (f) => {
        mkdirSync(join(f, 'out'));
        writeFileSync(join(f, 'out', 'precious'), '');
      },
      small,
      /it has other files, such as "precious"; choose another folder/,
    ],
    [
      'for shards that nothing is known of',
      (f) => {
        mkdirSync(join(f, 'out'));
        writeFileSync(join(f, 'out', 'shard.00000.ndjson'), '');
      },
      small,
      /expected a new or empty folder, or one that `forkwise run --shards` began/,
    ],
  ];
  for (const [why, prepare, args, message] of refused)
    it(`${why}, before anything is written`, async () => {
      const folder = folderOf({ a: 'x' });
      prepare(folder);
      const before = [filesIn(folder), why.includes('folder') ? filesIn(join(folder, 'out')) : null];
      const { code, stderr } = await run(folder, args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.deepEqual(
        [filesIn(folder), why.includes('folder') ? filesIn(join(folder, 'out')) : null],
        before,
      );
    });

  it('without a place for results, and its options without it', async () => {
    const folder = folderOf({ a: 'x' });
    const base = small.slice(0, 5);
    const none = await run(folder, [...base, '--strategy', 'sequential']);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /expected --out, a file .*, or --shards, a folder/);
    for (const option of ['--shard-size', '--shard-compression']) {
      const { code, stderr } = await run(folder, [...base, '--out', 'x', option, '1KB']);
      assert.deepEqual([code, filesIn(folder)], [2, ['docs', 'task.mjs']]);
      assert.match(stderr, new RegExp(`expected --shards <folder> with ${option}, got none`));
    }
  });

  it('for another task or other documents', async () => {
    const folder = folderOf(texts(20));
    assert.equal((await run(folder, small)).code, 0);
    const before = filesIn(join(folder, 'out'));
    mkdirSync(join(folder, 'others'));
    writeFileSync(join(folder, 'others', 'a'), 'z');
    const others = await run(
      folder,
      small.map((word) => (word === 'docs' ? 'others' : word)),
    );
    assert.equal(others.code, 2);
    assert.match(others.stderr, /--shards "out" holds results of the documents in ".*docs"; these are other/);
    writeFileSync(join(folder, 'task.mjs'), `${task}export const changed = true;`);
    const changed = await run(folder, small);
    assert.equal(changed.code, 2);
    assert.match(changed.stderr, /of another task, or of ".*task\.mjs" before it was changed/);
    assert.deepEqual(filesIn(join(folder, 'out')), before);
  });
});

describe('a job with shards that is killed', onLinux, () => {
  it('goes on, and repeats one shard at most', { timeout: 60_000 }, async () => {
    const gates = [30, 60].map((i) => [i, join(root, `shards-gate-${i}`)] as const);
    const documents: Record<string, string> = texts(100);
    for (const [i, gate] of gates) documents[`d${String(i).padStart(3, '0')}`] = `gate ${gate}`;
    const folder = folderOf(documents);
    const out = join(folder, 'out');
    const args = (strategy: string) => words(strategy, ['--shard-size', '700B']);
    for (const [kill, [, gate]] of gates.entries()) {
      const job = start(folder, args(kill === 0 ? 'thread-pool' : 'process-pool'));
      // The gate holds the job, so that it is killed in the middle, with a shard that is not whole.
      await until(() => (filesIn(out) ?? []).some((name) => name.endsWith('.tmp')));
      await until(() => existsSync(out) && readShardFolder(out).lines.length > 10 * (kill + 1));
      job.child.kill('SIGKILL');
      await job.ended;
      writeFileSync(gate, '');
      appendFileSync(join(out, 'manifest.ndjson'), '{"name":"shard.000');
    }
    const listed = readShardFolder(out).lines.length;
    const { code, stderr } = await run(folder, args('queue'));
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`going on: ${listed} of 100 documents`));
    assertComplete(out, idsOf(documents));
  });
});

describe('a job with shards that gets a signal', onLinux, () => {
  /** A document that names a gate marks that it is there, and waits. */
  const wait = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    const wait = async (text) => {
      const [word, gate] = text.split(' ');
      if (word !== 'gate') return text;
      writeFileSync(gate + '-begun', '');
      while (!existsSync(gate)) await setTimeout(5);
      return 'passed';
    };`;
  const plainTask = `${wait} export default ({ bytes }) => wait(new TextDecoder().decode(bytes));`;
  const stagedTask = `${wait}
    export const stages = [
      { name: 'load', run: ({ bytes }) => new TextDecoder().decode(bytes) },
      { name: 'wait', isolation: 'process', run: wait },
      { name: 'pack', run: (text) => text },
    ];`;
  /** Starts a job that has written some shards when one of its documents waits, with others behind it. */
  const startHeld = async (gate: string, strategy: string) => {
    const documents: Record<string, string> = { ...texts(150), gate: `gate ${gate}` };
    for (let i = 0; i < 600; i++) documents[`z${i}`] = 'z';
    const folder = folderOf(documents);
    const isStaged = strategy === 'pipeline';
    writeFileSync(join(folder, 'task.mjs'), isStaged ? stagedTask : plainTask);
    const more = ['--shard-size', '2KB', ...(isStaged ? ['--workers', '3'] : ['--workers', '1'])];
    const job = start(folder, words(strategy, more));
    const out = join(folder, 'out');
    await until(() => existsSync(`${gate}-begun`) && filesIn(out)?.includes('shard.00001.ndjson') === true);
    return { documents, folder, job, out };
  };
  const assertWhole = (out: string) => {
    const { files, lines } = readShardFolder(out);
    assert.ok(!files.some((name) => /tmp|lock|index/.test(name)), `found ${files}`);
    return lines;
  };

  it('finishes what is in progress and closes the shard', { timeout: 30_000 }, async () => {
    const gate = join(root, 'shards-signal');
    const { documents, folder, job, out } = await startHeld(gate, 'process-pool');
    job.child.kill('SIGINT');
    await until(() => /finishing the documents/.test(job.result.stderr));
    writeFileSync(gate, '');
    const { code, stderr } = await job.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /stopped; to go on: forkwise run .*--shards out/);
    const lines = assertWhole(out);
    assert.ok(lines.some(({ value }) => value === 'passed') && lines.length < 751);
    assert.equal((await run(folder, words('queue'))).code, 0);
    assertComplete(out, idsOf(documents));
  });

  for (const strategy of ['process-pool', 'pipeline'])
    it(`twice ends ${strategy} at once, with whole shards`, { timeout: 30_000 }, async () => {
      const gate = join(root, `shards-never-${strategy}`);
      const { documents, folder, job, out } = await startHeld(gate, strategy);
      const children = descendants(job.child.pid as number);
      job.child.kill('SIGTERM');
      await until(() => /finishing the documents/.test(job.result.stderr));
      job.child.kill('SIGTERM');
      assert.equal((await job.ended).code, 130);
      await until(() => children.every((pid) => !alive(pid)));
      const lines = assertWhole(out);
      assert.ok(lines.length > 30 && !lines.some(({ value }) => value === 'passed'));
      writeFileSync(gate, '');
      assert.equal((await run(folder, words('queue'))).code, 0);
      assertComplete(out, idsOf(documents));
    });
});
