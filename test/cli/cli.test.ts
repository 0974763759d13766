import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
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
import { fileURLToPath } from 'node:url';
import { summaryTable, trialTable } from '../../bench/tables/columns.js';
import { decode } from '../../bench/tables/csv.js';
import { alive, descendants, until } from '../processes.js';

const cli = fileURLToPath(new URL('../../bench/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(folder, `run-${count++}`);

/** The command in an empty temporary folder of its own, so that what it leaves behind there can be seen. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const temporary = join(folder, `tmp-${count++}`);
  mkdirSync(temporary);
  const child: ChildProcess = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', XDG_CACHE_HOME: join(folder, 'cache'), ...env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string; temporary: string }>(
    (resolve) => child.on('close', (code) => resolve({ code, stdout, stderr, temporary })),
  );
  /** Resolves when standard error has said so. */
  const said = (text: string | RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => stderr.match(text) && resolve();
      child.stderr?.on('data', look);
      look();
    });
  return { child, ended, said };
}

const run = (...args: string[]) => start(args).ended;
const spin = ['bench', '--profile', 'smoke', '--workloads', 'spin', '--documents', '4'];

describe('bad input', () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const taken = join(folder, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'trials.csv'), 'precious');
  writeFileSync(join(folder, 'bad-kind.mjs'), "export const kind = 'gpu'; export default () => 1;");
  writeFileSync(join(folder, 'bad-syntax.ts'), 'const a: number = 1;\nexport default () = > a;');
  writeFileSync(join(folder, 'notes.txt'), 'not a module');
  writeFileSync(join(folder, 'throws.mjs'), "throw new Error('no licence');");
  writeFileSync(
    join(folder, 'always-fails.mjs'),
    "export const kind = 'cpu'; export default () => { throw new Error('cannot parse'); };",
  );
  writeFileSync(
    join(folder, 'bad-setup.mjs'),
    "export const kind = 'cpu'; " +
      'export default () => 1; ' +
      "export function setup() { throw new Error('no database'); }",
  );
  writeFileSync(
    join(folder, 'bad-digest.mjs'),
    "export const kind = 'cpu'; " +
      'export default () => 1; ' +
      "export function digest() { throw new Error('no digest'); }",
  );
  writeFileSync(
    join(folder, 'exits.mjs'),
    "export const kind = 'cpu'; export default () => process.exit(7);",
  );

  const cases: [args: string[], code: number, message: RegExp][] = [
    [['--strategies', 'thread-pol'], 2, /unknown strategy "thread-pol"; did you mean "thread-pool"\?/],
    [['--strategies', 'sequential,tinypol'], 2, /unknown strategy "tinypol"; did you mean "tinypool"\?/],
    [['--strategies', 'peer'], 2, /unknown strategy "peer"; did you mean "peers"\?/],
    [['--workloads', 'markdwn'], 2, /unknown workload "markdwn"; did you mean "markdown"\?/],
    [['--profile', 'fast'], 2, /unknown profile "fast" \(expected one of: smoke, quick/],
    [['--complexity', 'hi'], 2, /unknown complexity "hi"/],
    [['--workers', '0'], 2, /--workers to be a whole number from 1 on, got "0"/],
    [['--workers', '-1'], 2, /whole number from 1 on, got "-1"/],
    [['--workers', '1.5'], 2, /whole number from 1 on, got "1.5"/],
    [['--workers', 'abc'], 2, /whole number from 1 on, got "abc"/],
    [['--workers', '1,,2'], 2, /a list like a,b,c, got "1,,2"/],
    [['--delivery', 'pigeon'], 2, /unknown delivery "pigeon"/],
    [['--workers', '2,2'], 2, /each of --workers once, got "2" twice/],
    [['--workers', '100000'], 2, /at most 256 workers/],
    [['--sizes', '10XB'], 2, /a size like 10KB, 64KiB or 1.5MB, got "10XB"/],
    [['--sizes', '0KB'], 2, /a size like 10KB/],
    [['--documents', '0'], 2, /--documents to be a whole number from 1 on/],
    [['--rounds', 'many'], 2, /--rounds to be a whole number/],
    [['--seed', 'x'], 2, /--seed to be a whole number/],
    [['--llm-url', 'ftp://x'], 2, /--llm-url: expected a URL like/],
    [['--docs', empty, '--sizes', '10KB'], 2, /--docs and --sizes cannot be combined/],
    [['--docs', empty, '--complexity', 'low'], 2, /--docs and --complexity cannot be combined/],
    [['--task', 'x.mjs', '--workloads', 'spin'], 2, /--task and --workloads cannot be combined/],
    [['--task', 'missing.mjs'], 2, /there is no such file/],
    [
      ['--task', 'missing.ts#parse'],
      2,
      /--task "missing.ts#parse": there is no such file \(looked for .*missing\.ts\)/,
    ],
    [['--task', 'task.py'], 2, /there is no such file/],
    [['--task', empty], 2, /expected a module, got a folder/],
    [['--task', 'notes.txt'], 2, /expected a module that ends in \.ts, .*got "notes\.txt"/],
    [
      ['--task', 'bad-syntax.ts'],
      3,
      /task "bad-syntax\.ts" does not compile: bad-syntax\.ts:2:\d+: .*correct the source/,
    ],
    [
      ['--task', 'bad-kind.mjs#sort'],
      3,
      /task "bad-kind\.mjs#sort": there is no export "sort" \(it exports: default, kind\)/,
    ],
    [['--out', taken], 2, /there is something already/],
    [['--no-such-option'], 2, /unknown option/],
    [['--docs', empty], 3, /a folder with files or a glob that matches some, found none/],
    [['--docs', join(folder, 'nowhere/**')], 3, /found none/],
    [
      ['--task', 'bad-kind.mjs'],
      3,
      /expected `kind` to be 'cpu', 'io' or 'mixed', or not to be there, got "gpu"/,
    ],
    [['--task', 'throws.mjs'], 3, /failed to load: no licence/],
    [
      ['--task', 'always-fails.mjs'],
      3,
      /failed on every document of "10KB"; first on "10KB-\d+": cannot parse/,
    ],
    [['--task', 'bad-setup.mjs'], 3, /task "bad-setup": no database/],
    [['--task', 'bad-digest.mjs'], 3, /task "bad-digest": no digest/],
    [['--workloads', 'spin', '--budget', '1ms'], 2, /--budget: one round takes about \d+ s, more than/],
    [['--budget', 'soon'], 2, /a duration like 30s, 10m or 1.5h, got "soon"/],
    [['--task', 'exits.mjs'], 3, /task "exits": the process ended with exit code 7/],
  ];
  for (const [args, code, message] of cases) {
    it(args.join(' ').replaceAll(folder, ''), async () => {
      const out = fresh();
      const withOut = args.includes('--out') ? args : [...args, '--out', out];
      const result = await run('bench', '--profile', 'smoke', ...withOut);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /^\s+at /m, 'a message for people, not a stack');
      assert.equal(result.stdout, '');
      assert.equal(existsSync(out), false, 'nothing is written');
      assert.deepEqual(readdirSync(result.temporary), []);
    });
  }
  it('leaves what was there untouched', () =>
    assert.equal(readFileSync(join(taken, 'trials.csv'), 'utf8'), 'precious'));
});

describe('a run', () => {
  it('leaves a folder with trials, summary, environment, charts and report', async () => {
    const out = fresh();
    const { code, stdout, stderr, temporary } = await run('bench', '--profile', 'smoke', '--out', out);
    assert.equal(code, 0, stderr);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.equal(
      trials.length,
      28,
      'sequential once, six strategies at 1 and 2 workers, and a twin, on two workloads',
    );
    assert.ok(
      trials.every(
        ({ status, digest_matches, outcomes_failed }) =>
          status === 'ok' && digest_matches && outcomes_failed === 0,
      ),
    );
    for (const workload of ['word-frequency', 'llm-extract']) {
      assert.equal(
        new Set(trials.filter((trial) => trial.workload === workload).map(({ digest }) => digest)).size,
        1,
      );
    }
    assert.deepEqual(
      trials.map(({ order }) => order),
      trials.map((_, i) => i + 1),
    );
    for (const trial of trials) {
      assert.equal(trial.outcomes_ok, (trial.passes ?? 0) * trial.documents);
      assert.ok((trial.rss_peak_bytes ?? 0) > 10e6 && (trial.memory_samples ?? 0) >= 1);
      assert.ok((trial.latency_p50_ms ?? 0) <= (trial.latency_p99_ms ?? 0));
      const limit = trial.strategy === 'sequential' || trial.strategy === 'async' ? 1 : trial.workers;
      assert.ok((trial.threads_peak ?? 99) >= limit);
    }
    const summaries = decode(summaryTable, readFileSync(join(out, 'summary.csv'), 'utf8'));
    assert.equal(summaries.length, 26);
    assert.deepEqual(
      summaries.slice(0, 3).map(({ strategy, workers }) => [strategy, workers]),
      [
        ['sequential', 1],
        ['async', 1],
        ['async', 2],
      ],
    );
    const environment = JSON.parse(readFileSync(join(out, 'environment.json'), 'utf8'));
    assert.equal(environment.corpora.length, 2);
    assert.match(environment.corpora[0].sha256, /^v2:[0-9a-f]{64}$/);
    assert.equal(environment.node.version, process.versions.node);
    const plots = readdirSync(join(out, 'plots'));
    assert.ok(plots.includes('throughput.vl.json') && plots.includes('throughput.svg'));
    assert.match(readFileSync(join(out, 'report.md'), 'utf8'), /\| strategy \| word-frequency 10KB/);
    assert.match(stdout, /word-frequency/);
    assert.match(stderr, /28\/28 · round 1\/1/);
    assert.ok(!(stdout + stderr).includes('\u001b'), 'no escape codes into a pipe');
    assert.deepEqual(readdirSync(temporary), []);
  });

  it('prints nothing but JSON with --json', async () => {
    const out = fresh();
    const { code, stdout } = await run(...spin, '--strategies', 'sequential,async', '--json', '--out', out);
    const result = JSON.parse(stdout);
    assert.equal(code, 0);
    assert.equal(result.folder, out);
    assert.equal(result.complete, true);
    assert.equal(result.summaries.length, 3);
  });

  it('stops after the plan with --dry-run', async () => {
    const out = fresh();
    const { code, stdout } = await run(...spin, '--dry-run', '--out', out);
    assert.equal(code, 0);
    assert.match(stdout, /13 cells and 1 for the A\/A test × 1 round = 14 trials, seed 1[\s\S]*about \d+ s/);
    assert.equal(existsSync(out), false);
    const { estimate_ms, cells } = JSON.parse((await run(...spin, '--dry-run', '--json')).stdout);
    assert.equal(cells.length, 13);
    assert.ok(estimate_ms > 0);
  });

  it('measures peers only when they are asked for, after the strategies', async () => {
    const planned = async (...flags: string[]) => {
      const { stdout } = await run(...spin, '--workers', '1', '--dry-run', '--json', ...flags);
      return JSON.parse(stdout).cells.map(({ strategy }: { strategy: string }) => strategy);
    };
    const ours = await planned();
    const all = await planned('--strategies', 'peers');
    assert.ok(!ours.includes('tinypool') && all.includes('tinypool'));
    assert.deepEqual(all.slice(0, ours.length), ours);
    assert.deepEqual(await planned('--strategies', 'peers,sequential'), [
      'sequential',
      ...all.slice(ours.length),
    ]);
    assert.deepEqual(await planned('--strategies', 'tinypool,sequential,piscina'), [
      'sequential',
      'piscina',
      'tinypool',
    ]);
    const out = fresh();
    const { code, stderr } = await run(
      ...spin,
      '--strategies',
      'sequential,tinypool',
      '--workers',
      '1',
      '--out',
      out,
    );
    assert.equal(code, 0, stderr);
    const summaries = decode(summaryTable, readFileSync(join(out, 'summary.csv'), 'utf8'));
    assert.deepEqual(
      summaries.map(({ strategy }) => strategy),
      ['sequential', 'tinypool'],
    );
  });

  it('takes a task and documents of the user', async () => {
    const samples = join(folder, 'samples');
    mkdirSync(samples);
    for (let i = 0; i < 6; i++) writeFileSync(join(samples, `${i}.txt`), 'x'.repeat(i * 100));
    writeFileSync(
      join(folder, 'mine.mjs'),
      "export const kind = 'cpu'; " +
        'export default ({ size, bytes }) => ({ size, same: bytes.length === size });',
    );
    const out = fresh();
    const { code, stderr } = await run(
      'bench',
      '--profile',
      'smoke',
      '--task',
      'mine.mjs',
      '--docs',
      'samples',
      '--documents',
      '5',
      '--out',
      out,
    );
    assert.equal(code, 0, stderr);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.ok(
      trials.every(
        ({ workload, corpus, documents, status }) =>
          workload === 'mine' && corpus === 'docs' && documents === 5 && status === 'ok',
      ),
    );
  });

  it('says beside the table which documents failed, and why a trial did', async () => {
    writeFileSync(
      join(folder, 'some-fail.mjs'),
      "export const kind = 'cpu'; " +
        "export default ({ index }) => { if (index < 2) throw new Error('bad'); return index; };",
    );
    const some = await run(
      'bench',
      '--profile',
      'smoke',
      '--task',
      'some-fail.mjs',
      '--strategies',
      'sequential',
      '--out',
      fresh(),
    );
    assert.equal(some.code, 0);
    assert.match(
      some.stdout,
      /warning: some-fail failed on 2 of 20 documents \(10KB\); its rates count them as done/,
    );
    writeFileSync(
      join(folder, 'crashes.mjs'),
      "import { isMainThread } from 'node:worker_threads'; " +
        "export const kind = 'cpu'; " +
        'export default ({ index }) => { if (!isMainThread && index === 3) process.exit(9); return index; };',
    );
    const crash = await run(
      'bench',
      '--profile',
      'smoke',
      '--task',
      'crashes.mjs',
      '--strategies',
      'partitioned',
      '--out',
      fresh(),
    );
    assert.equal(crash.code, 4);
    assert.match(
      crash.stdout,
      /"10KB-03" crashed, which did not happen with sequential: worker thread ended with exit code 9/,
    );
  });

  it('ends with 4 when results differ from sequential, and names the document', async () => {
    writeFileSync(
      join(folder, 'random.mjs'),
      "export const kind = 'cpu'; export default ({ index }) => index === 2 ? Math.random() : index;",
    );
    const out = fresh();
    const { code, stdout } = await run(
      'bench',
      '--profile',
      'smoke',
      '--task',
      'random.mjs',
      '--strategies',
      'sequential,partitioned',
      '--out',
      out,
    );
    assert.equal(code, 4);
    assert.match(stdout, /the result for document "10KB-02" differs from the one that sequential returned/);
    assert.match(
      stdout,
      /warning: random is not deterministic: a document had different results one after the other/,
    );
    assert.match(stdout, /No trial was valid: nothing is shown/);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.ok(trials.every(({ status, digest_matches }) => status === 'failed' && digest_matches === false));
  });
});

describe('interrupted', { skip: process.platform === 'win32' }, () => {
  it('finishes the trial on the first Ctrl-C, keeps and summarises what is there', async () => {
    const out = fresh();
    const { child, ended, said } = start([...spin, '--rounds', '500', '--out', out]);
    await said(/^2\/7000/m);
    child.kill('SIGINT');
    const { code, stdout, stderr, temporary } = await ended;
    assert.equal(code, 130);
    assert.match(stderr, /finishing the trial that is under way/);
    assert.match(stdout, /spin/);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.ok(trials.length >= 2 && trials.length < 100 && trials.every(({ status }) => status === 'ok'));
    assert.match(readFileSync(join(out, 'report.md'), 'utf8'), /interrupted/);
    assert.deepEqual(readdirSync(temporary), []);
  });

  const hang = join(folder, 'hang.mjs');
  // Hangs in every trial, and not in the oracle, which runs in a process whose module says so.
  writeFileSync(
    hang,
    "export const kind = 'cpu'; " +
      "export default () => { if (process.argv[1].includes('oracle-host')) return 1; for (;;); };",
  );
  for (const [name, signals] of [
    ['the second Ctrl-C', ['SIGINT', 'SIGINT']],
    ['the second SIGTERM', ['SIGTERM', 'SIGTERM']],
    ['SIGKILL', ['SIGKILL']],
  ] as const) {
    it(`leaves no process and no file after ${name}`, async () => {
      const { child, ended, said } = start([
        'bench',
        '--profile',
        'smoke',
        '--task',
        hang,
        '--strategies',
        'queue',
        '--workers',
        '2',
        '--out',
        fresh(),
      ]);
      await said('about ');
      const tree = await processesOf(child.pid as number, 4);
      for (const signal of signals) {
        child.kill(signal);
        if (signals.length > 1) await Promise.race([said('Ctrl-C again'), ended]);
      }
      const { code, temporary } = await ended;
      assert.equal(code, signals.includes('SIGKILL' as never) ? null : 130);
      await until(() => tree.every((pid) => !alive(pid)) && readdirSync(temporary).length === 0);
    });
  }
});

it('ends with 4 when the disk is full, and what was measured stays readable', {
  skip: !existsSync('/dev/full'),
}, async () => {
  const out = fresh();
  const module = new URL('../fixtures/full-disk.js', import.meta.url).href;
  const { code, stderr, temporary } = await start([...spin, '--rounds', '50', '--out', out], {
    NODE_OPTIONS: `--import=${module}`,
    FULL_AFTER: '3',
  }).ended;
  assert.equal(code, 4, stderr);
  assert.match(stderr, /cannot write ".*trials\.csv": ENOSPC/);
  assert.equal(decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8')).length, 3);
  assert.deepEqual(readdirSync(temporary), []);
});

it('lists workloads, strategies, peers, profiles and charts', async () => {
  const { code, stdout } = await run('list', '--json');
  const lists = JSON.parse(stdout);
  assert.equal(code, 0);
  assert.deepEqual(Object.keys(lists), ['workloads', 'strategies', 'peers', 'profiles', 'charts']);
  assert.ok(lists.strategies.some(({ name }: { name: string }) => name === 'partitioned'));
  assert.ok(lists.peers.some(({ name }: { name: string }) => name === 'tinypool'));
});

/**
 * Waits for `count` descendants of a process and returns all. On other systems than Linux it returns none.
 */
async function processesOf(pid: number, count: number): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  let found: number[] = [];
  await until(() => {
    found = descendants(pid);
    return found.length >= count;
  });
  return found;
}
