import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decode } from '../../bench/tables/csv.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { onlyLong } from '../support.js';
import { folder, fresh, run, runWithCharts, spin } from './start.js';

describe('a run', () => {
  it('leaves a folder with trials, summary, environment, charts and report', async () => {
    const out = fresh();
    const { code, stdout, stderr, temporary } = await runWithCharts(
      'bench',
      '--profile',
      'smoke',
      '--strategies',
      'sequential,async,partitioned',
      '--out',
      out,
    );
    assert.equal(code, 0, stderr);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.equal(
      trials.length,
      12,
      'sequential once, two strategies at 1 and 2 workers, and a twin, on two workloads',
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
    assert.equal(summaries.length, 10);
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
    assert.match(stderr, /12\/12 · round 1\/1/);
    assert.ok(!(stdout + stderr).includes('\u001b'), 'no escape codes into a pipe');
    assert.deepEqual(readdirSync(temporary), []);
  });

  it('measures every strategy of the profile, from memory and from files', onlyLong, async () => {
    const samples = join(folder, 'all');
    mkdirSync(samples);
    for (let i = 0; i < 6; i++) writeFileSync(join(samples, `${i}.txt`), `${i}`.repeat(i * 100));
    writeFileSync(join(folder, 'all.mjs'), "export const kind = 'cpu'; export default ({ size }) => size;");
    const fromFiles = ['--task', 'all.mjs', '--docs', 'all', '--source', 'files', '--workers', '2'];
    for (const [args, count] of [
      [[], 28],
      [fromFiles, 8],
    ] as const) {
      const out = fresh();
      const { code, stderr } = await run('bench', '--profile', 'smoke', ...args, '--out', out);
      assert.equal(code, 0, stderr);
      const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
      assert.equal(trials.length, count);
      for (const { status, digest_matches, outcomes_failed, strategy } of trials)
        assert.deepEqual([status, digest_matches, outcomes_failed], ['ok', true, 0], strategy);
    }
  });

  it('prints nothing but JSON with --json', async () => {
    const out = fresh();
    const { code, stdout } = await run(
      ...spin,
      '--strategies',
      'sequential,async',
      '--workers',
      '1',
      '--json',
      '--out',
      out,
    );
    const result = JSON.parse(stdout);
    assert.equal(code, 0);
    assert.equal(result.folder, out);
    assert.equal(result.complete, true);
    assert.equal(result.summaries.length, 2);
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
    assert.ok(
      !all.includes('broker') && !all.includes('bullmq'),
      'they need a broker, so runs must name them',
    );
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
      '--strategies',
      'sequential,queue',
      '--workers',
      '1',
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

  it('starts from the names of files with --source files, and continues such a run', async () => {
    const samples = join(folder, 'named');
    mkdirSync(samples);
    for (let i = 0; i < 6; i++) writeFileSync(join(samples, `${i}.txt`), `${i}`.repeat(i * 100));
    const module = `export const kind = 'cpu';
      export default ({ id, size, bytes }) => ({ id, size, text: new TextDecoder().decode(bytes) });`;
    writeFileSync(join(folder, 'named.mjs'), module);
    const out = fresh();
    const args = ['--profile', 'smoke', '--task', 'named.mjs', '--docs', 'named', '--source', 'files'];
    const few = ['--strategies', 'sequential,self-scheduling,process-pool', '--workers', '2'];
    const { code, stdout, stderr } = await run('bench', ...args, ...few, '--out', out);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /read from files in a warm page cache/);
    assert.match(stdout, /rates and latencies include the reading/);
    const file = join(out, 'trials.csv');
    const trials = decode(trialTable, readFileSync(file, 'utf8'));
    assert.ok(trials.every(({ status, source }) => status === 'ok' && source === 'files'));
    assert.deepEqual([...new Set(trials.map(({ delivery }) => delivery))], ['reference']);
    const environment = JSON.parse(readFileSync(join(out, 'environment.json'), 'utf8'));
    assert.equal(environment.corpora[0].source, 'files');
    const lines = readFileSync(file, 'utf8').split('\r\n');
    writeFileSync(file, `${lines.slice(0, -3).join('\r\n')}\r\n`);
    assert.equal((await run('bench', '--resume', out, '--source', 'memory')).code, 2);
    const again = await run('bench', '--resume', out);
    assert.equal(again.code, 0, again.stderr);
    const all = decode(trialTable, readFileSync(file, 'utf8'));
    assert.ok(all.length === trials.length && all.every(({ source }) => source === 'files'));
  });

  it('says that a file changed where results differ for that', async () => {
    const samples = join(folder, 'growing');
    mkdirSync(samples);
    for (let i = 0; i < 6; i++) writeFileSync(join(samples, `${i}.txt`), 'x'.repeat(100));
    writeFileSync(
      join(folder, 'growing.mjs'),
      `import { appendFileSync } from 'node:fs';
       export const kind = 'cpu';
       export default ({ size }) => {
         if (!process.argv[1].includes('oracle-host')) appendFileSync('growing/3.txt', 'y');
         return size;
       };`,
    );
    for (const delivery of ['reference', 'message']) {
      const args = ['--profile', 'smoke', '--task', 'growing.mjs', '--docs', 'growing', '--source', 'files'];
      const only = ['--strategies', 'process-pool', '--workers', '1', '--delivery', delivery];
      const { code, stdout } = await run('bench', ...args, ...only, '--out', fresh());
      assert.equal(code, 4);
      assert.match(stdout, /document "growing\/3\.txt": its file changed meanwhile/);
      writeFileSync(join(samples, '3.txt'), 'x'.repeat(100));
    }
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
      /warning: some-fail failed on 10 % of the documents \(10KB\); its rates count them as done/,
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
      '--workers',
      '2',
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
      '--workers',
      '2',
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

it('lists workloads, strategies, peers, profiles and charts', async () => {
  const { code, stdout } = await runWithCharts('list', '--json');
  const lists = JSON.parse(stdout);
  assert.equal(code, 0);
  assert.deepEqual(Object.keys(lists), ['workloads', 'strategies', 'peers', 'profiles', 'charts']);
  assert.ok(lists.strategies.some(({ name }: { name: string }) => name === 'partitioned'));
  assert.ok(lists.peers.some(({ name }: { name: string }) => name === 'tinypool'));
});
