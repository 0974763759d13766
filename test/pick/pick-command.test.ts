import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { decode } from '../../bench/tables/csv.js';
import { isOk, trialTable } from '../../bench/tables/trial-columns.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import { isolates } from '../../strategies/strategy.js';
import { chartless, cli as cliIn, cliPath } from '../support.js';
import { strategies } from './support.js';

describe('pick and recommend', () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const cli = (args: readonly string[]) => cliIn(args, folder, chartless);
  const docs = join(folder, 'docs');
  mkdirSync(docs);
  for (let i = 0; i < 40; i++) writeFileSync(join(docs, `${i}.txt`), `${i} `.repeat(2000));
  const task = join(folder, 'task.mjs');
  writeFileSync(
    task,
    `export default ({ id, bytes }) => {
       let sum = 0;
       for (const byte of bytes) sum += byte;
       return { id, sum };
     };`,
  );

  it('leave a run, a report and a recommendation; recommend decides again from it', {
    timeout: 110_000,
  }, async () => {
    const out = join(folder, 'run');
    const { code, stdout, stderr } = await cli([
      'pick',
      '--task',
      task,
      '--docs',
      docs,
      '--time-budget',
      '12s',
      '--loop-delay',
      '10s',
      '--max-memory',
      '2GB',
      '--out',
      out,
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const made = JSON.parse(stdout);
    assert.deepEqual(made, JSON.parse(readFileSync(join(out, 'recommendation.json'), 'utf8')));
    assert.ok(made.expected.documentsPerSecond > 0 && made.loopDelay.pings > 0);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    const isAlone = new Set(trials.filter(isOk).map(configurationName)).size === 1; // on a busy machine
    assert.match(made.verdict[0], isAlone ? /^Nothing was compared: only / : /^Use /);
    assert.ok(trials.every(({ source }) => source === 'files'));
    const baselines = trials.filter(isBaseline);
    assert.ok(
      baselines.every(({ delivery }) => delivery === 'reference'),
      'the baseline reads',
    );
    assert.match(made.verdict.at(-1), /read from files in a warm page cache\.$/);
    const own = trials.filter(
      ({ strategy, workers }) => strategy === made.strategy && workers === made.workers,
    );
    assert.ok(
      own.length > 0 &&
        own.every(
          ({ memory_peak_bytes, rss_peak_bytes }) => (memory_peak_bytes ?? rss_peak_bytes ?? 0) <= 2e9,
        ),
    );
    for (const name of ['trials.csv', 'summary.csv', 'responsiveness.csv', 'report.html', 'environment.json'])
      assert.ok(readdirSync(out).includes(name), name);
    // The job takes over how its documents are read.
    const lines = join(folder, 'lines.ndjson');
    const advice = join(out, 'recommendation.json');
    const job = await cli(['run', '--config', advice, '--docs', docs, '--out', lines]);
    assert.equal(job.code, 0, job.stderr);
    assert.equal(readFileSync(lines, 'utf8').trim().split('\n').length, 40);
    // Whatever there was time to measure, the choice itself was.
    const again = await cli(['recommend', out, '--isolation', made.isolation, '--json']);
    assert.equal(again.code, 0, again.stderr);
    assert.ok(isolates(JSON.parse(again.stdout).isolation, made.isolation));
    const file = join(folder, 'recommendation.json');
    assert.equal((await cli(['recommend', out, '--out', file])).code, 0);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).schema, 1);
    assert.equal((await cli(['recommend', out, '--out', file])).code, 2);
    assert.equal((await cli(['recommend', out, '--max-memory', '1MB'])).code, 3);
  });

  const isBaseline = ({ strategy }: { readonly strategy: string }) =>
    strategies.some(({ name, baseline }) => baseline && name === strategy);

  const quota = `/sys/fs/cgroup/cpu/forkwise-test-${process.pid}`;
  const canQuota = makesFolder(quota);
  after(() => canQuota && rmdirSync(quota));

  it('give work that computes no more workers than a real CPU quota has cores', {
    skip: !canQuota && 'no cgroup can be made',
    timeout: 110_000,
  }, async () => {
    writeFileSync(join(quota, 'cpu.cfs_period_us'), '100000');
    writeFileSync(join(quota, 'cpu.cfs_quota_us'), '130000');
    const out = join(folder, 'limited');
    const inside = `echo $$ > ${quota}/tasks && exec "$0" "$@"`;
    const args = [
      cliPath,
      'pick',
      '--task',
      task,
      '--docs',
      docs,
      '--time-budget',
      '12s',
      '--out',
      out,
      '--json',
    ];
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', inside, process.execPath, ...args]);
    const made = JSON.parse(stdout);
    assert.equal(made.validWhen.cores, 1.3);
    assert.ok(isInFlight(made.strategy) || made.workers === 1);
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    const onThreads = trials.filter(({ strategy }) => !isInFlight(strategy));
    assert.ok(onThreads.length > 0 && onThreads.every(({ workers }) => workers === 1));
  });

  it('refuse what makes no sense before anything is written', async () => {
    for (const [args, said] of [
      [['pick', '--docs', docs], /expected --task/],
      [['pick', '--task', task], /expected --docs/],
      [['pick', '--task', task, '--docs', docs, '--isolation', 'thraed'], /did you mean "thread"/],
      [['pick', '--task', task, '--docs', docs, '--time-budget', '1s'], /expected at least 5s/],
      [
        ['pick', '--task', task, '--docs', docs, '--max-memory', 'lots'],
        /expected --max-memory to be a size/,
      ],
      [['pick', '--task', task, '--docs', docs, '--out', docs], /expected a new folder/],
      [['recommend', docs], /environment.json/],
    ] as const) {
      const { code, stderr } = await cli([...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.equal(readdirSync(docs).length, 40);
  });

  it('tell a task whose results differ each time what to do', async () => {
    const odd = join(folder, 'odd.mjs');
    writeFileSync(odd, 'export default () => Math.random();');
    const { code, stderr } = await cli([
      'pick',
      '--task',
      odd,
      '--docs',
      docs,
      '--time-budget',
      '12s',
      '--out',
      join(folder, 'odd'),
    ]);
    assert.equal(code, 3);
    assert.match(stderr, /another result .* export `digest/);
  });
});

/** The workers of such a strategy are documents in flight on one thread. */
const isInFlight = (name: string) =>
  strategies.some((one) => one.name === name && one.concurrency === 'in flight');

function makesFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}
