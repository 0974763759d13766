import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonOf } from '../../bench/job/json.js';
import { lock } from '../../bench/job/lock.js';
import { alive, descendants, until } from '../processes.js';
import { recommendation } from '../runner/recommendations.js';

const cli = fileURLToPath(new URL('../../bench/cli.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const onLinux = { skip: process.platform !== 'linux' };
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL'); // a test that failed has left some
  rmSync(root, { recursive: true, force: true });
});

/**
 * The task waits at a gate, a file that a document names, throws for some documents, and returns its text.
 */
const task = `
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export const kind = 'cpu';
export default async function (document) {
  const text = new TextDecoder().decode(document.bytes);
  const [word, gate] = text.split(' ');
  if (word === 'gate') while (!existsSync(gate)) await setTimeout(5);
  if (word === 'bad') throw new RangeError('cannot ' + text);
  return text;
}
`;

let count = 0;
/** Makes a folder with a task and documents, whose texts are given by name. */
function folderOf(documents: Readonly<Record<string, string>>): string {
  const folder = join(root, `job-${count++}`);
  mkdirSync(join(folder, 'docs'), { recursive: true });
  writeFileSync(join(folder, 'task.mjs'), task);
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(folder, 'docs', name), text);
  return folder;
}

/** `thread-pool` reports each document as soon as it is done, whatever comes after it. */
const usual = [
  'run',
  '--task',
  './task.mjs',
  '--docs',
  'docs',
  '--out',
  'out.ndjson',
  '--strategy',
  'thread-pool',
  '--workers',
  '2',
];

function start(cwd: string, args: readonly string[] = usual, nodeArgs: readonly string[] = []) {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, cli, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const result = { code: null as number | null, stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  const ended = new Promise<typeof result>((resolve) =>
    child.on('close', (code) => {
      result.code = code;
      resolve(result);
    }),
  );
  return { child, result, ended };
}

const run = (cwd: string, args?: readonly string[]) => start(cwd, args).ended;

interface Line {
  readonly id: string;
  readonly status: string;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
}

const outText = (folder: string) =>
  existsSync(join(folder, 'out.ndjson')) ? readFileSync(join(folder, 'out.ndjson'), 'utf8') : '';
const linesIn = (folder: string): Line[] =>
  outText(folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Waits until a job has written at least this number of lines, or has ended. */
async function linesWritten(
  folder: string,
  count: number,
  { child }: { child: ChildProcess },
): Promise<void> {
  await until(() => child.exitCode !== null || outText(folder).split('\n').length - 1 >= count);
  assert.equal(child.exitCode, null, 'the job ended before it was expected to');
}

describe('a job that is killed', () => {
  it('and called again gives each of 10,000 documents exactly one line', { timeout: 60_000 }, async () => {
    const gates = [3000, 6000, 9000];
    const names = Array.from({ length: 10_000 }, (_, i) => `${String(i).padStart(5, '0')}.txt`);
    const folder = folderOf({});
    const textOf = (i: number) =>
      gates.includes(i) ? `gate ${join(folder, `open-${i}`)}` : `text ${i} ${'x'.repeat(i % 50)}`;
    for (const [i, name] of names.entries()) writeFileSync(join(folder, 'docs', name), textOf(i));
    const strategies = ['self-scheduling', 'queue', 'thread-pool', 'partitioned'];
    const args = (attempt: number) =>
      usual.map((word) => (word === 'thread-pool' ? (strategies[attempt] as string) : word));
    const seen = new Set<number>();
    for (const [attempt, gate] of gates.entries()) {
      // Documents beyond the gate's window cannot be reached, so the kill comes in the middle of the job,
      // however fast it is.
      const job = start(folder, args(attempt));
      await linesWritten(folder, gate - 1500, job);
      for (const pid of descendants(job.child.pid as number)) seen.add(pid);
      job.child.kill('SIGKILL');
      await job.ended;
      assert.ok(linesIn(folder).length < names.length);
      writeFileSync(join(folder, `open-${gate}`), '');
      // A process that is killed while it writes leaves such a line.
      appendFileSync(join(folder, 'out.ndjson'), '{"id":"docs/00000.txt","sta');
    }
    const last = await run(folder, args(3));
    assert.equal(last.code, 0, last.stderr);
    assert.match(last.stderr, /going on: \d+ of 10000 documents have their lines/);
    const lines = linesIn(folder);
    assert.deepEqual(
      lines.map(({ id }) => id).sort(),
      names.map((name) => `docs/${name}`),
    );
    for (const { id, status, value } of lines)
      assert.deepEqual([status, value], ['ok', textOf(Number(id.slice(5, 10)))]);
    assert.deepEqual(
      readdirSync(folder)
        .filter((name) => name.startsWith('out'))
        .sort(),
      ['out.ndjson', 'out.ndjson.json'],
    );
    await until(() => [...seen].every((pid) => !alive(pid)));
    const again = await run(folder, args(0));
    assert.deepEqual([again.code, linesIn(folder).length], [0, 10_000]);
  });
});

describe('a job that gets a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`by ${signal} finishes what is in hand, and says how to go on`, {
      ...onLinux,
      timeout: 20_000,
    }, async () => {
      const gate = join(root, `gate-${count++}`);
      const folder = folderOf({
        a: 'first',
        b: `gate ${gate}`,
        ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`c${i}`, 'x'])),
      });
      const job = start(folder);
      await linesWritten(folder, 1000, job);
      job.child.kill(signal);
      await until(() => /finishing the documents that are under way/.test(job.result.stderr));
      assert.equal(job.child.exitCode, null);
      writeFileSync(gate, '');
      const { code, stdout, stderr } = await job.ended;
      assert.equal(code, 130, stderr);
      assert.match(
        stderr,
        /stopped; to go on: forkwise run --task \.\/task\.mjs --docs docs --out out\.ndjson/,
      );
      assert.match(stdout, /of 5,002 documents: [\d,]+ ok/);
      const lines = linesIn(folder);
      assert.ok(lines.length < 5002 && lines.some(({ id }) => id === 'docs/b'));
      assert.equal((await run(folder)).code, 0);
      assert.equal(new Set(linesIn(folder).map(({ id }) => id)).size, 5002);
      assert.equal(linesIn(folder).length, 5002);
    });
  }

  it('twice ends at once, with whole lines and no lock', { ...onLinux, timeout: 20_000 }, async () => {
    const folder = folderOf({ a: 'first', b: `gate ${join(root, 'never')}`, c: 'third' });
    const job = start(
      folder,
      usual.map((word) => (word === 'thread-pool' ? 'process-pool' : word)),
    );
    await linesWritten(folder, 2, job);
    const children = descendants(job.child.pid as number);
    job.child.kill('SIGTERM');
    await until(() => /once more ends them at once/.test(job.result.stderr));
    job.child.kill('SIGTERM');
    assert.equal((await job.ended).code, 130);
    assert.deepEqual(
      linesIn(folder)
        .map(({ id }) => id)
        .sort(),
      ['docs/a', 'docs/c'],
    );
    assert.ok(!existsSync(join(folder, 'out.ndjson.lock')));
    await until(() => children.every((pid) => !alive(pid)));
  });
});

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
    timeout: 20_000,
  }, async () => {
    const folder = folderOf(
      Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`d${i}`, 'x'.repeat(200)])),
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
    assert.equal(new Set(linesIn(folder).map(({ id }) => id)).size, 3000);
    assert.equal(linesIn(folder).length, 3000);
  });
});

describe('the summary', () => {
  it('lists what did not end well, and the exit code says so', async () => {
    const folder = folderOf({
      a: 'fine',
      ...Object.fromEntries(
        Array.from({ length: 25 }, (_, i) => [`bad-${String(i).padStart(2, '0')}`, `bad ${i}`]),
      ),
    });
    writeFileSync(join(folder, 'docs', 'huge'), '');
    truncateSync(join(folder, 'docs', 'huge'), 3 * 2 ** 30); // more than a file may have to be read at once
    const first = await run(folder);
    assert.equal(first.code, 4, first.stderr);
    assert.match(first.stdout, /^27 documents: 1 ok and 26 failed · thread-pool × 2 · 27 in/);
    assert.equal(first.stdout.match(/^ {2}docs\/\S+: failed: /gm)?.length, 20);
    assert.match(first.stdout, /and 6 more: every line of "out\.ndjson" whose status is not ok/);
    const json = await run(folder, [...usual, '--json']);
    assert.equal(json.code, 4);
    const data = JSON.parse(json.stdout);
    assert.deepEqual(
      [data.documents, data.ok, data.failed, data.earlier, data.complete],
      [27, 1, 26, 27, true],
    );
    assert.ok(
      data.notOk.some(
        ({ id, error }: Line) => id === 'docs/huge' && /greater than 2 GiB/.test(error?.message ?? ''),
      ),
    );
    assert.ok(
      data.notOk.some(({ id, error }: Line) => id === 'docs/bad-07' && error?.message === 'cannot bad 7'),
    );
  });

  it('with --config runs what was found; flags beside it override it', async () => {
    const folder = folderOf({ a: 'x' });
    const found = recommendation({
      strategy: 'thread-pool',
      workers: 1,
      delivery: 'clone',
      task: join(folder, 'task.mjs'),
    });
    writeFileSync(join(folder, 'found.json'), JSON.stringify(found));
    const of = async (...more: string[]) => {
      rmSync(join(folder, 'out.ndjson'), { force: true });
      const { code, stdout, stderr } = await run(folder, [
        'run',
        '--docs',
        'docs',
        '--out',
        'out.ndjson',
        '--config',
        'found.json',
        ...more,
      ]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.match(await of(), /thread-pool × 1/);
    assert.match(await of('--workers', '2', '--timeout', '5s'), /thread-pool × 2/);
    assert.match(await of('--strategy', 'partitioned', '--workers', '2'), /partitioned × 2/);
    assert.match(await of('--task', './task.mjs'), /thread-pool × 1/);
  });

  const bad: [args: string[], message: RegExp][] = [
    [
      ['--task', './task.mjs'],
      /expected a strategy: give --strategy .* or --config recommendation\.json, which `forkwise pick`/,
    ],
    [['--strategy', 'queue'], /expected --task, the path of a module/],
    [['--task', './task.mjs', '--strategy', 'que'], /unknown strategy "que"; did you mean "queue"/],
    [
      ['--task', './task.mjs', '--strategy', 'queue', '--workers', 'two'],
      /expected --workers to be a whole number/,
    ],
    [['--config', 'none.json'], /--config "none\.json": cannot be read/],
    [['--config', 'task.mjs'], /--config "task\.mjs": /],
    [
      ['--config', 'empty.json'],
      /--config "empty\.json": recommendation, field "schema": expected 1 or 2, got nothing/,
    ],
  ];
  for (const [args, message] of bad) {
    it(`a usage error: ${args.join(' ')}`, async () => {
      const folder = folderOf({ a: 'x' });
      writeFileSync(join(folder, 'empty.json'), '{}');
      const { code, stderr } = await run(folder, ['run', '--docs', 'docs', '--out', 'out.ndjson', ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!existsSync(join(folder, 'out.ndjson')));
    });
  }
});

describe('the lock', () => {
  const path = join(root, 'locked');
  const write = (holder: unknown) =>
    writeFileSync(`${path}.lock`, typeof holder === 'string' ? holder : JSON.stringify(holder));
  const born = 'another-boot 5';

  it('of a dead process, or of one that had our pid, is taken over', () => {
    for (const holder of [
      { pid: 2 ** 22 + 1, host: hostname(), born },
      { pid: process.pid, host: hostname(), born },
      { pid: process.ppid, host: hostname(), born }, // a pid that is another process by now
    ]) {
      if (holder.pid === process.ppid && process.platform !== 'linux') continue;
      write(holder);
      const unlock = lock(path);
      assert.equal(JSON.parse(readFileSync(`${path}.lock`, 'utf8')).pid, process.pid);
      assert.throws(() => lock(path), /writes there/);
      unlock();
      assert.ok(!existsSync(`${path}.lock`));
    }
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('locked')),
      [],
    );
  });

  it('of a killed process that its parent has not waited for is taken over', onLinux, async () => {
    // The shell becomes a program that never asks for its child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    started.push(parent);
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text) => resolve(Number(text))),
    );
    await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));
    write({ pid, host: hostname(), born: null });
    lock(path)();
    assert.ok(!existsSync(`${path}.lock`));
  });

  it('of another machine, of somebody else, or that is just being taken over, is not', () => {
    write({ pid: 1, host: 'elsewhere', born });
    assert.throws(
      () => lock(path),
      /on the machine "elsewhere" has the lock; if that process has ended, delete this file/,
    );
    write('mine');
    assert.throws(() => lock(path), /expected a lock file of forkwise/);
    write({ pid: 2 ** 22 + 1, host: hostname(), born });
    writeFileSync(`${path}.lock.takeover`, '');
    assert.throws(() => lock(path), /about to write/);
    assert.deepEqual(
      readdirSync(root)
        .filter((name) => name.startsWith('locked'))
        .sort(),
      ['locked.lock', 'locked.lock.takeover'],
    );
  });
});

describe('results as JSON', () => {
  class Point {
    x = 1;
    toJSON() {
      return 'never asked';
    }
  }
  const cases: [value: unknown, json: string][] = [
    [{ a: 1, b: 'two\n', c: [true, null] }, '{"a":1,"b":"two\\n","c":[true,null]}'],
    [undefined, 'null'],
    [{ a: undefined, b: [Number.NaN, Infinity, -0] }, '{"a":null,"b":[null,null,0]}'],
    [new Uint8Array([1, 2, 255]), '"AQL/"'],
    [Buffer.from('text').subarray(1, 3), '"ZXg="'],
    [new Uint8Array([9]).buffer, '"CQ=="'],
    [new Float64Array([0.5, Number.NaN]), '[0.5,null]'],
    [new BigInt64Array([5n]), '["5"]'],
    [new Map([['a', new Set([1, [2]])]]), '{"a":[1,[2]]}'],
    [
      new Map<unknown, unknown>([
        [1, 'one'],
        ['a', 2n],
      ]),
      '[[1,"one"],["a","2"]]',
    ],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Date(Number.NaN), 'null'],
    [/a+/gu, '"/a+/gu"'],
    [Object.assign(new RangeError('far'), { code: 7 }), '{"name":"RangeError","message":"far","code":7}'],
    [new Point(), '{"x":1}'],
    [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    [Object('boxed'), '"boxed"'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is looked at
    [[1, , 3], '[1,null,3]'],
    ['\ud800', '"\\ud800"'],
  ];
  for (const [value, json] of cases) it(json, () => assert.equal(jsonOf(value), json));

  it('a part may be there twice, and may not contain itself', () => {
    const part = { a: 1 };
    assert.equal(jsonOf([part, part]), '[{"a":1},{"a":1}]');
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    assert.throws(() => jsonOf(cycle), /contains itself/);
  });
});
