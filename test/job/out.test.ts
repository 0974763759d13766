import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../processes.js';
import { folderOf, linesIn, linesWritten, outText, root, run, start, task, usual } from './job.js';

describe('--out', () => {
  const refused: [why: string, prepare: (folder: string) => void, message: RegExp][] = [
    [
      'a file of somebody else',
      (f) => writeFileSync(join(f, 'out.ndjson'), 'precious\n'),
      /not one that `forkwise run` began/,
    ],
    [
      'a file of somebody else, before its lock is looked at',
      (f) => {
        writeFileSync(join(f, 'out.ndjson'), 'precious\n');
        writeFileSync(join(f, 'out.ndjson.lock'), 'theirs');
      },
      /not one that `forkwise run` began/,
    ],
    ['a folder', (f) => mkdirSync(join(f, 'out.ndjson')), /expected the path of a file/],
    [
      'a sidecar of somebody else',
      (f) => writeFileSync(join(f, 'out.ndjson.json'), '{"mine":true}'),
      /was not written by forkwise/,
    ],
  ];
  for (const [why, prepare, message] of refused) {
    it(`that is ${why} is refused before anything is written`, async () => {
      const folder = folderOf({ a: 'x' });
      prepare(folder);
      const before = readdirSync(folder).map((name) => [
        name,
        name === 'docs' || name === 'out.ndjson' ? null : readFileSync(join(folder, name), 'utf8'),
      ]);
      const { code, stderr } = await run(folder);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /choose another --out, or move it away/);
      assert.deepEqual(
        readdirSync(folder).map((name) => [
          name,
          name === 'docs' || name === 'out.ndjson' ? null : readFileSync(join(folder, name), 'utf8'),
        ]),
        before,
      );
    });
  }

  for (const [out, message] of [
    ['', /^error: expected --out to be the path of a file, got ""\n$/],
    [
      'none/out.ndjson',
      /^error: --out "none\/out\.ndjson": expected the folder "none", and there is none; create it/,
    ],
    ['task.mjs/out.ndjson', /^error: --out "task\.mjs\/out\.ndjson": expected the folder "task\.mjs"/],
  ] as const)
    it(`"${out}" is a usage error, and nothing is written`, async () => {
      const folder = folderOf({ a: 'x' });
      const before = readdirSync(folder);
      const { code, stderr } = await run(
        folder,
        usual.map((word) => (word === 'out.ndjson' ? out : word)),
      );
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /lock|to go on/);
      assert.deepEqual(readdirSync(folder), before);
    });

  it('of another task or other documents is refused; a torn line is cut, a damaged one named', async () => {
    const folder = folderOf({ a: 'x', b: 'y' });
    assert.equal((await run(folder)).code, 0);
    const whole = outText(folder);
    mkdirSync(join(folder, 'others'));
    writeFileSync(join(folder, 'others', 'a'), 'z');
    const of = (docs: string) => usual.map((word) => (word === 'docs' ? docs : word));
    const others = await run(folder, of('others'));
    assert.equal(others.code, 2);
    assert.match(
      others.stderr,
      /holds results of the documents in ".*docs"; these are other documents, in ".*others"/,
    );
    writeFileSync(join(folder, 'task.mjs'), `${task}export const changed = true;`);
    const changed = await run(folder);
    assert.equal(changed.code, 2);
    assert.match(changed.stderr, /of another task, or of ".*task\.mjs" before it was changed/);
    assert.equal(outText(folder), whole);
    writeFileSync(join(folder, 'task.mjs'), task);
    truncateSync(join(folder, 'out.ndjson'), whole.length - 3);
    assert.equal((await run(folder)).code, 0);
    assert.deepEqual(outText(folder).split('\n').sort(), whole.split('\n').sort());
    appendFileSync(join(folder, 'out.ndjson'), '{"id":"docs/z');
    assert.equal((await run(folder)).code, 0);
    assert.deepEqual(outText(folder).split('\n').sort(), whole.split('\n').sort());
    appendFileSync(join(folder, 'out.ndjson'), 'not ours\n');
    const damaged = await run(folder);
    assert.equal(damaged.code, 3);
    assert.match(damaged.stderr, /is damaged: line 3 is none that `forkwise run` writes/);
    rmSync(join(folder, 'out.ndjson'));
    assert.equal((await run(folder, of('others'))).code, 0); // there was nothing to mix
  });

  it('without a line belongs to no task yet', async () => {
    for (const place of [
      ['--out', 'out.ndjson'],
      ['--shards', 'out'],
    ]) {
      const folder = folderOf({ a: 'x' });
      writeFileSync(join(folder, 'task.mjs'), 'throw new Error("no model");');
      const args = ['run', '--task', 'task.mjs', '--docs', 'docs', '--strategy', 'queue', ...place];
      const broken = await run(folder, args);
      assert.deepEqual([broken.code, /no model/.test(broken.stderr)], [3, true]);
      writeFileSync(join(folder, 'task.mjs'), task);
      assert.equal((await run(folder, args)).code, 0);
    }
  });

  it('without a line keeps the name of its job on a broker', async () => {
    for (const [place, file] of [
      [['--out', 'out.ndjson'], 'out.ndjson'],
      [['--shards', 'out'], 'out/manifest.ndjson'],
    ] as const) {
      const folder = folderOf({ a: `gate ${join(root, 'never')}` });
      const args = ['run', '--task', 'task.mjs', '--docs', 'docs', '--strategy', 'queue', ...place];
      const sidecar = join(folder, `${file}.json`);
      const name = () => (JSON.parse(readFileSync(sidecar, 'utf8')) as { run: string }).run;
      const once = async () => {
        const { child, ended } = start(folder, [...args, '--workers', '1']);
        await until(() => existsSync(join(folder, file)));
        child.kill('SIGKILL');
        await ended;
        return name();
      };
      const first = await once();
      writeFileSync(join(folder, 'docs', 'a'), 'x');
      assert.equal((await run(folder, args)).code, 0);
      assert.equal(name(), first);
    }
  });

  it('may be among the documents, and is not processed as one of them', async () => {
    const folder = folderOf({ a: 'x', b: 'y' });
    const args = usual.map((word) => (word === 'out.ndjson' ? 'docs/out.ndjson' : word));
    for (let i = 0; i < 2; i++) {
      const { code, stdout } = await run(folder, args);
      assert.equal(code, 0);
      assert.match(stdout, /^2 documents: 2 ok/);
    }
  });

  it('is written by one process at a time', { timeout: 20_000 }, async () => {
    const folder = folderOf({ a: 'x', b: `gate ${join(root, 'never')}` });
    const first = start(folder);
    await linesWritten(folder, 1, first);
    const second = await run(folder);
    assert.equal(second.code, 2);
    assert.match(second.stderr, new RegExp(`process ${first.child.pid} writes there`));
    first.child.kill('SIGKILL');
    await first.ended;
    // Three processes find the lock of a dead one, and one of them takes it over.
    const three = [start(folder), start(folder), start(folder)];
    const isOver = () => three.filter(({ child }) => child.exitCode !== null).length === 2;
    await until(() => isOver());
    const running = three.filter(({ child }) => child.exitCode === null);
    assert.equal(running.length, 1);
    for (const { child, result } of three)
      if (child.exitCode !== null) assert.match(result.stderr, /writes? (there|to)/);
    running[0]?.child.kill('SIGKILL');
    await running[0]?.ended;
  });

  it('on a disk that is full ends the job with whole lines, and it goes on later', {
    timeout: 60_000,
  }, async () => {
    const folder = folderOf(
      Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`d${i}`, 'x'.repeat(200)])),
    );
    const full = join(folder, 'full.mjs');
    writeFileSync(
      full,
      `import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { writeSync } = fs;
      let left = 100_000;
      fs.writeSync = (file, data, offset, length, position) => {
        if (position === undefined) return writeSync(file, data, offset);
        if (left === 0)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const part = Math.min(left, length);
        left -= part;
        return writeSync(file, data, offset, part, position);
      };
      syncBuiltinESMExports();`,
    );
    const { code, stderr } = await start(folder, usual, ['--import', full]).ended;
    assert.equal(code, 4, stderr);
    assert.match(stderr, /cannot write "out\.ndjson": ENOSPC: no space left/);
    assert.ok(outText(folder).endsWith('\n') && linesIn(folder).length > 100);
    assert.equal((await run(folder)).code, 0);
    assert.equal(new Set(linesIn(folder).map(({ id }) => id)).size, 1000);
    assert.equal(linesIn(folder).length, 1000);
  });
});
