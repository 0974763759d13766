import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
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
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { strategies } from '../../strategies/index.js';
import type { Strategy } from '../../strategies/strategy.js';
import { alive, descendants, until } from '../processes.js';
import { cliPath, longUnlessEngine, onlyLong, openable } from '../support.js';

const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL'); // a test that failed has left some
  rmSync(root, { recursive: true, force: true });
});

const all = await openable(strategies);
const inProcesses = all.filter(({ isolation }) => isolation === 'process');

let count = 0;
/** Makes a folder with a task and documents. `FOLDER` in the task's source means the folder's path. */
function folderOf(task: string, documents = 6): string {
  const folder = join(root, `end-${count++}`);
  mkdirSync(join(folder, 'in'), { recursive: true });
  writeFileSync(join(folder, 'task.mjs'), task.replaceAll('FOLDER', JSON.stringify(folder)));
  for (let i = 0; i < documents; i++) writeFileSync(join(folder, 'in', `${i}.doc`), `document ${i}`);
  return folder;
}

/** Starts a job with two workers as the leader of a process group, as a shell does. */
function start(folder: string, { name }: Strategy, more: readonly string[] = []) {
  const words = [
    '--task',
    'task.mjs',
    '--docs',
    'in',
    '--out',
    'out.ndjson',
    '--strategy',
    name,
    '--workers',
    '2',
  ];
  const child = spawn(process.execPath, [cliPath, 'run', ...words, ...more], {
    cwd: folder,
    detached: true,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const result = { code: null as number | null, signal: null as string | null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  const ended = new Promise<typeof result>((resolve) => {
    child.on('exit', (code, signal) => resolve(Object.assign(result, { code, signal })));
  });
  return { child, pid: child.pid as number, result, ended };
}

const oneWorker = ['--workers', '1'];

const statusesIn = (folder: string) =>
  (existsSync(join(folder, 'out.ndjson')) ? readFileSync(join(folder, 'out.ndjson'), 'utf8') : '')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).status as string);

/** Each document calls a program, which marks that it has begun and waits until there is a file `gate`. */
const calling = `
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
const call = promisify(execFile);
const script = 'touch "$0/began-$1"; while [ ! -e "$0/gate" ]; do sleep 0.05; done; echo done';
export default async ({ index }) => (await call('/bin/sh', ['-c', script, FOLDER, String(index)])).stdout;
`;
const begun = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('began-')).length;

describe('a signal to the whole process group', { skip: process.platform !== 'linux' }, () => {
  for (const strategy of all) {
    it(`makes no document failed with ${strategy.name}, and the next call goes on`, {
      ...longUnlessEngine(strategy),
      timeout: 60_000,
    }, async () => {
      const folder = folderOf(calling, 12);
      const job = start(folder, strategy);
      await until(() => begun(folder) >= (strategy.scales ? 2 : 1));
      process.kill(-job.pid, 'SIGINT');
      await until(() => /finishing the documents/.test(job.result.stderr));
      writeFileSync(join(folder, 'gate'), '');
      const { code, stderr } = await job.ended;
      assert.equal(code, 130, stderr);
      assert.ok(statusesIn(folder).every((status) => status === 'ok'));
      assert.equal((await start(folder, strategy).ended).code, 0);
      assert.deepEqual(statusesIn(folder), Array(12).fill('ok'));
    });
  }

  for (const strategy of inProcesses) {
    it(`that is SIGKILL leaves nothing of ${strategy.name}, and neither does a second Ctrl-C`, {
      ...longUnlessEngine(strategy),
      timeout: 60_000,
    }, async () => {
      for (const end of ['SIGKILL', 'SIGINT twice']) {
        const folder = folderOf(calling);
        const job = start(folder, strategy);
        await until(() => begun(folder) >= 2);
        const left = descendants(job.pid);
        assert.ok(left.length >= 6, 'expected workers with a shell each, and a reaper');
        if (end === 'SIGKILL') process.kill(-job.pid, 'SIGKILL');
        else {
          process.kill(-job.pid, 'SIGINT');
          await until(() => /finishing the documents/.test(job.result.stderr));
          process.kill(-job.pid, 'SIGINT');
        }
        await job.ended;
        await until(() => left.every((pid) => !alive(pid)));
        assert.deepEqual(statusesIn(folder), []);
      }
    });
  }
});

describe('a job ends', { skip: process.platform === 'win32' }, () => {
  const leavesOpen = `
    import { createServer } from 'node:net';
    import { watch } from 'node:fs';
    createServer().listen(0);
    watch(FOLDER);
    setInterval(() => {}, 1e6);
    export default ({ id, index, size }) => {
      console.log('printed ' + id);
      process.stdout.write('written\\n');
      if (index === 3) throw new RangeError(String(size));
      return size;
    };`;
  /** A child process that has ended is nothing that is left open. */
  const tearsDown = (last: string) => `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    export default () => new Promise((resolve) => spawn('true').on('exit', resolve));
    export async function teardown() {
      await new Promise((resolve) => setTimeout(resolve, 300));
      writeFileSync(FOLDER + '/torn-down', '');
      ${last}
    }`;

  for (const strategy of all) {
    const options = { ...longUnlessEngine(strategy), timeout: 60_000 };
    const end = (task: string, more: readonly string[] = []) => {
      const folder = folderOf(task);
      const words = [...oneWorker, ...more];
      return start(folder, strategy, words).ended.then((ended) => ({ folder, ...ended }));
    };

    it(
      `whatever the task has left open in ${strategy.name}, and says so; standard output has --json alone`,
      options,
      async () => {
        const { folder, code, stdout, stderr } = await end(leavesOpen, ['--json']);
        assert.equal(code, 4, stderr);
        assert.equal(statusesIn(folder).length, 6);
        assert.match(stderr, /left something open (in a worker )?\(.*TCPServerWrap.*\); its teardown should/);
        assert.equal(JSON.parse(stdout).ok, 5);
        assert.equal(stderr.match(/printed in\/\d\.doc/g)?.length, 6);
        assert.equal(stderr.match(/^written$/gm)?.length, 6);
      },
    );

    it(`when the last teardown of ${strategy.name} has ended, or has been given up`, options, async () => {
      const ends = await end(tearsDown(''));
      const hangs = await end(tearsDown('await new Promise(() => {});'));
      for (const { folder, code, stderr } of [ends, hangs]) {
        assert.equal(code, 0, stderr);
        assert.ok(existsSync(join(folder, 'torn-down')));
      }
      assert.doesNotMatch(ends.stderr, /teardown was given up|left something open/);
      assert.match(hangs.stderr, /teardown was given up/);
    });

    for (const [thrown, said] of [
      ['new Error("no flush")', 'no flush'],
      ['null', 'null'],
    ] as const) {
      // What is thrown is put into words in one place, which two strategies show.
      const isShown = thrown !== 'null' || ['sequential', 'process-pool'].includes(strategy.name);
      it(
        `with its summary although a teardown in ${strategy.name} throws ${said}, and warns of that`,
        isShown ? options : onlyLong,
        async () => {
          const { code, stdout, stderr } = await end(`
          export default ({ size }) => size;
          export async function teardown() { throw ${thrown}; }`);
          assert.equal(code, 0, stderr);
          assert.match(stdout, /^6 documents: 6 ok/);
          assert.equal(stderr.split(`Warning: the task's teardown failed: ${said}\n`).length, 2, stderr);
          assert.doesNotMatch(stderr, /^\s+at |Node\.js v/m);
        },
      );
    }
  }

  it('when its grace is over, even if a read never returns', { timeout: 60_000 }, async () => {
    const folder = folderOf(`
      import { readFile, writeFile } from 'node:fs/promises';
      export default async () => {
        await writeFile(FOLDER + '/began-x', '');
        return (await readFile(FOLDER + '/pipe')).length;
      };`);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const job = start(folder, all.find(({ baseline }) => baseline) as Strategy, ['--grace', '200ms']);
    await until(() => begun(folder) > 0);
    job.child.kill('SIGTERM');
    await job.ended;
    assert.deepEqual(statusesIn(folder), []);
    assert.ok(!existsSync(join(folder, 'out.ndjson.lock')));
  });
});
