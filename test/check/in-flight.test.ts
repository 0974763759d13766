import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { readRecommendation } from '../../runner/recommendation.js';
import { compileTask } from '../../workloads/task-file.js';
import { recommendation } from '../runner/recommendations.js';
import { chartless, cli, onlyLong } from '../support.js';
import { checkTask, folderWith } from './check-command.js';

/** The longest text so far is kept across an await: another document may have changed it meanwhile. */
const mixing = `
  let text = '';
  export default async ({ bytes }) => {
    text = new TextDecoder().decode(bytes);
    await new Promise((resolve) => setTimeout(resolve, 2));
    return text.length;
  };`;

describe('several documents in flight on one thread', { concurrency: 2 }, () => {
  it('are an error if results change, which names documents', async () => {
    const { code, said, bad } = await checkTask('mixing.mjs', mixing);
    assert.equal(code, 3);
    assert.deepEqual(bad, ['in-flight']);
    assert.match(
      said('in-flight').join(),
      /^error: \d+ of 16 results change when 8 documents are in flight on one thread: "docs\/\d+\.txt"/,
    );
    assert.match(said('waiting').join(), /: workers will gain, .*ruled out by the error in-flight/);
  });

  it('are not advised where they are an error, for native threads either', onlyLong, async () => {
    const { result, said, bad } = await checkTask(
      'native.mjs',
      `import { scrypt } from 'node:crypto';
       import { promisify } from 'node:util';
       const derive = promisify(scrypt);
       let text = '';
       export default async ({ bytes }) => {
         text = new TextDecoder().decode(bytes);
         const key = await derive(bytes, 'salt', 32, { N: 2048 });
         return [text.length, key.toString('hex')];
       };`,
    );
    assert.deepEqual(bad, ['in-flight']);
    const advice = result.findings.flatMap(({ id, said, remedy }) =>
      id === 'in-flight' ? [] : [said, remedy],
    );
    assert.doesNotMatch(advice.join('; '), /in flight on one thread (will )?gain/);
    if (process.platform !== 'linux') return; // elsewhere only new versions of Node know a thread's CPU time
    assert.match(said('waiting').join(), /native threads: workers gain up to the cores/);
    const { remedy } = result.findings.find(({ id }) => id === 'native-threads') ?? {};
    assert.match(remedy ?? '', /^workers gain .*UV_THREADPOOL_SIZE/);
  });

  it('are an error if documents never end', async () => {
    const { said, bad } = await checkTask(
      'gate.mjs',
      `let taken = false;
       export default async ({ size }) => {
         while (taken) await new Promise(() => {});
         taken = true;
         await new Promise((resolve) => setTimeout(resolve, 2));
         taken = false;
         return size;
       };`,
    );
    assert.deepEqual(bad, ['in-flight']);
    assert.match(said('in-flight').join(), /^error: \d+ of 16 calls never end when 8 /);
  });

  it('are an error if the process ends then', async () => {
    const { said, bad, result } = await checkTask(
      'ends.mjs',
      `let busy = 0;
       export default async ({ size }) => {
         if (++busy > 1) process.nextTick(() => { throw new Error('two at once'); });
         await new Promise((resolve) => setTimeout(resolve, 2));
         busy--;
         return size;
       };`,
    );
    assert.deepEqual(bad, ['in-flight']);
    assert.match(said('in-flight').join(), /^error: the task’s process ends when 8 .*two at once/s);
    const { remedy = '' } = result.findings.find(({ id }) => id === 'in-flight') ?? {};
    assert.match(remedy, /^throw an error instead of ending the process/);
  });

  it('are an error if documents fail then, and not if all fail all the same', onlyLong, async () => {
    const { said } = await checkTask(
      'refuses.mjs',
      `let busy = false;
       export default async ({ id, size }) => {
         if (id.endsWith('/3.txt')) throw new Error('no third document');
         if (busy) throw new Error('busy');
         busy = true;
         await new Promise((resolve) => setTimeout(resolve, 2));
         busy = false;
         return size;
       };`,
    );
    assert.match(said('in-flight').join(), /^error: \d+ of 16 results change/);
    assert.ok(!said('in-flight').join().includes('/3.txt'), said('in-flight').join());
  });

  it('are fine if the task keeps nothing, or waits in turn', onlyLong, async () => {
    const { code, said, bad } = await checkTask(
      'turns.mjs',
      `let last = Promise.resolve();
       let text = '';
       export default async ({ bytes }) => {
         const before = last;
         let done = () => {};
         last = new Promise((resolve) => { done = resolve; });
         await before;
         text = new TextDecoder().decode(bytes);
         await new Promise((resolve) => setTimeout(resolve, 2));
         const length = text.length;
         done();
         return length;
       };`,
      { documents: 12 },
    );
    assert.deepEqual(bad, []);
    assert.equal(code, 0);
    assert.deepEqual(said('in-flight'), ['ok: 16 calls gave the same results, 8 at a time on one thread']);
  });
});

describe('a task that is known to mix documents up', () => {
  const made = folderWith('mixing.mjs', mixing, { documents: 20 });
  const { folder } = made;
  const env = { ...made.env, ...chartless };
  const run = (...args: string[]) =>
    cli(['run', '--task', 'mixing.mjs', '--docs', 'docs', '--out', 'out.ndjson', ...args], folder, env);

  it('is not measured with several in flight by bench, which tests it itself', async () => {
    const plan = ['--workers', '1,2', '--profile', 'smoke', '--strategies', 'sequential,async'];
    const args = ['bench', '--task', 'mixing.mjs', '--docs', 'docs', ...plan];
    const first = await cli([...args, '--out', 'first'], folder, env);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /left out: async × 2, because \d+ of \d+ results change when 8 /);
    const trials = readFileSync(join(folder, 'first', 'trials.csv'), 'utf8');
    assert.match(trials, /,async,1,/);
    assert.doesNotMatch(trials, /,async,2,/);
    const forced = await cli([...args, '--force', '--dry-run', '--json'], folder, env);
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(
      forced.stderr,
      /measured by --force: async × 2, although \d+ of .*createRunner `force: true`/,
    );
    const { cells } = JSON.parse(forced.stdout) as { cells: { strategy: string; workers: number }[] };
    assert.ok(
      cells.some(({ strategy, workers }) => strategy === 'async' && workers === 2),
      'nothing is left out',
    );
  });

  it('is not measured with several in flight by pick, whose recommendation says why', onlyLong, async () => {
    const args = ['pick', '--task', 'mixing.mjs', '--docs', 'docs', '--time-budget', '5s', '--out', 'picked'];
    const { code, stderr } = await cli(args, folder, env);
    assert.match(stderr, /left out: async × 2.* because \d+ of \d+ results change when 8 /);
    assert.doesNotMatch(readFileSync(join(folder, 'picked', 'trials.csv'), 'utf8'), /,async,([2-9]|\d\d),/);
    const recommended = join(folder, 'picked', 'recommendation.json');
    if (code === 3) return assert.ok(!existsSync(recommended)); // other processes took the machine's time
    const { findings } = JSON.parse(readFileSync(recommended, 'utf8'));
    assert.deepEqual(
      findings.map(({ id, level }: Record<string, string>) => `${level} ${id}`),
      ['error in-flight'],
    );
  });

  it('is measured with several in flight by pick if it is forced', onlyLong, async () => {
    const args = ['pick', '--task', 'mixing.mjs', '--docs', 'docs', '--time-budget', '5s'];
    const { stderr } = await cli([...args, '--force', '--out', 'forced'], folder, env);
    assert.match(stderr, /measured by --force: async × 2.*, although \d+ of \d+ results change when 8 /);
    assert.doesNotMatch(stderr, /left out/);
  });

  it('has its findings in a recommendation, which must be complete', () => {
    const finding = { id: 'in-flight', level: 'error', said: 'mixes documents up', remedy: 'use workers' };
    const made = { ...recommendation(), findings: [finding] };
    assert.equal(readRecommendation(made), made);
    for (const findings of [finding, ['mixes'], [{ ...finding, said: 3 }]])
      assert.throws(
        () => readRecommendation({ ...made, findings }),
        /field "findings": expected a list of findings with id, level and said, or nothing, got/,
      );
  });

  it('is refused by run before the first document, unless it is forced', async () => {
    const refused = await run('--strategy', 'async', '--workers', '4');
    assert.equal(refused.code, 3);
    assert.match(
      refused.stderr,
      /cannot run with "async" and 4 documents in flight: .*forkwise check.*--force/,
    );
    assert.ok(!existsSync(join(folder, 'out.ndjson')));
    const one = await run('--strategy', 'async', '--workers', '1');
    assert.equal(one.code, 0, one.stderr);
    const forced = await run('--strategy', 'async', '--workers', '4', '--force', '--out', 'forced.ndjson');
    assert.equal(forced.code, 0, forced.stderr);
  });

  it('is refused by createRunner, by what is kept or recommended, unless it is forced', async () => {
    const index = new URL('../../index.js', import.meta.url).href;
    const { sha256 } = await compileTask(join(folder, 'mixing.mjs'));
    writeFileSync(
      join(folder, 'program.mjs'),
      `import { createRunner } from ${JSON.stringify(index)};
       const attempt = async (options) => {
         try {
           const usual = { task: './mixing.mjs', strategy: 'async', workers: 2 };
           const runner = await createRunner(Object.assign(usual, options));
           await runner.close();
           console.log('opened');
         } catch (error) { console.log(error.name); }
       };
       const finding = { id: 'in-flight', level: 'error', said: 'mixes documents up' };
       const task = { name: 'mixing', file: './mixing.mjs', export: 'default', sha256: '${sha256}' };
       await attempt({});
       await attempt({ force: true });
       await attempt({ workers: 1 });
       await attempt({ strategy: 'queue' });
       await attempt({ task, findings: [finding] });
       const other = { ...task, sha256: '${'0'.repeat(64)}' };
       await attempt({ task: other, findings: [finding], onWarning() {} });`,
    );
    const program = async (more: Record<string, string>) => {
      const options = { cwd: folder, env: { ...process.env, ...more } };
      const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], options);
      return stdout.trim().split('\n');
    };
    const error = 'WorkloadError';
    assert.deepEqual(await program(env), [error, 'opened', 'opened', 'opened', error, error]);
    const unknown = { ...env, XDG_CACHE_HOME: join(folder, 'another') };
    assert.deepEqual(
      await program(unknown),
      ['opened', 'opened', 'opened', 'opened', error, 'opened'],
      'without a kept finding only that of the same task counts',
    );
  });
});
