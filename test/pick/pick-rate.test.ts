import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { arrivalTable } from '../../bench/tables/arrival-columns.js';
import { decode } from '../../bench/tables/csv.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { readRecommendation } from '../../runner/recommendation.js';
import { chartless, cli as cliIn } from '../support.js';

describe('pick --rate', { skip: process.platform === 'win32' && 'needs named pipes' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const docs = join(folder, 'docs');
  mkdirSync(docs);
  for (let i = 0; i < 12; i++) writeFileSync(join(docs, `${i}.txt`), `${i}`);
  const task = join(folder, 'task.mjs');
  writeFileSync(
    task,
    `export default async ({ id }) => {
       await new Promise((resolve) => setTimeout(resolve, 5));
       return id;
     };`,
  );
  const out = join(folder, 'run');
  const pick = (more: readonly string[]) =>
    cliIn(['pick', '--task', task, '--docs', docs, '--out', out, ...more], folder, chartless);

  it('refuses what makes no sense before anything is written', async () => {
    for (const [args, said] of [
      [['--rate', '80%'], /expected documents per second, like 200\/s/],
      [['--rate', 'fast'], /--rate: expected/],
      [['--rate', '200/s', '--time-budget', '20s'], /at least 30s/],
    ] as const) {
      const { code, stderr } = await pick(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.equal(existsSync(out), false);
  });

  it('measures open loops at the rate, and the recommendation says what they showed', {
    timeout: 110_000,
  }, async () => {
    const { code, stdout, stderr } = await pick([
      '--rate',
      '20/s',
      '--latency-p99',
      '20s',
      '--time-budget',
      '30s',
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const made = JSON.parse(stdout);
    assert.equal(readRecommendation(made).strategy, made.strategy);
    const rows = decode(arrivalTable, readFileSync(join(out, 'arrivals.csv'), 'utf8'));
    const { openLoop } = made;
    assert.deepEqual(
      [openLoop.pattern, openLoop.ratePerSecond, openLoop.latencyP99LimitMs],
      ['poisson', 20, 20_000],
    );
    const own = rows.filter(
      (row) => row.strategy === made.strategy && row.workers === made.workers && row.asked === '20/s',
    );
    assert.ok(own.length > 0 && openLoop.schedules <= own.length);
    for (const { documents, outcomes_ok, outcomes_failed, pattern, limit_ms } of own)
      assert.deepEqual(
        [documents, outcomes_ok, outcomes_failed, pattern, limit_ms],
        [100, 100, 0, 'poisson', 20_000],
      );
    const p99s = own.map(({ latency_p99_ms }) => latency_p99_ms as number);
    assert.ok(openLoop.p99Ms >= Math.min(...p99s) - 1e-6 && openLoop.p99Ms <= Math.max(...p99s) + 1e-6);
    assert.ok(openLoop.headroom.fullLoadPerSecond >= 20 && openLoop.headroom.ofFullLoad >= 1);
    assert.match(made.verdict.join(' '), /keeps up with 20\/s .* of open loops: .* in a closed loop/s);
    assert.equal(made.constraints.latencyP99Ms, null, 'the limit is that of the open loop');
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    assert.ok(trials.every(({ delivery }) => delivery === 'reference'));
    assert.ok(existsSync(join(out, 'arrival-summary.csv')));

    const again = (...more: string[]) => cliIn(['recommend', out, '--json', ...more], folder);
    const same = await again('--rate', '20/s', '--latency-p99', '20s');
    assert.equal(same.code, 0, same.stderr);
    const { strategy, workers, openLoop: rejudged } = JSON.parse(same.stdout);
    assert.deepEqual([strategy, workers, rejudged], [made.strategy, made.workers, openLoop]);
    const never = await again('--rate', '20/s', '--latency-p99', '1ms');
    assert.equal(never.code, 3, never.stderr);
    const other = await again('--rate', '21/s');
    assert.equal(other.code, 2);
    assert.match(other.stderr, /the run has open loops at .*20\/s.*; choose one of these rates/);
  });
});
