import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { decode } from '../../bench/tables/csv.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { type OwnRedis, startRedis } from '../../strategies/broker/own-redis.js';
import { noRedis } from '../redis.js';
import { chartless, cli, cliPath } from '../support.js';

describe('bench and pick with agents that are there', { skip: noRedis() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  let redis: OwnRedis;
  let agent: ChildProcess;
  before(async () => {
    mkdirSync(join(folder, 'docs'));
    for (let i = 0; i < 12; i++) writeFileSync(join(folder, 'docs', `${i}.txt`), `${i} `.repeat(500));
    writeFileSync(join(folder, 'loaded'), '');
    // Workers say in which folder they run, so that a test can tell whose they are.
    writeFileSync(
      join(folder, 'task.mjs'),
      `import { appendFileSync } from 'node:fs';
       appendFileSync(${JSON.stringify(join(folder, 'loaded'))}, process.cwd() + '\\n');
       export default ({ id, bytes }) => {
         const until = performance.now() + 2;
         while (performance.now() < until);
         return id + bytes.length;
       };`,
    );
    redis = await startRedis();
    mkdirSync(join(folder, 'agent'));
    const words = ['agent', '--broker', redis.url, '--accept', 'any', '--workers', '3'];
    agent = spawn(process.execPath, [cliPath, ...words], { cwd: join(folder, 'agent'), stdio: 'ignore' });
  });
  after(async () => {
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    await redis.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const loadedByAgent = () =>
    readFileSync(join(folder, 'loaded'), 'utf8')
      .split('\n')
      .filter((cwd) => cwd.endsWith('/agent')).length;

  it('bench measures the workers that the agents have', { timeout: 100_000 }, async () => {
    const words = ['bench', '--profile', 'smoke', '--task', 'task.mjs', '--docs', 'docs', '--rounds', '1'];
    const asked = ['--strategies', 'sequential,queue,broker', '--workers', '1', '--out', 'run'];
    const { code, stderr } = await cli([...words, ...asked, '--broker', redis.url], folder, chartless);
    assert.equal(code, 0, stderr);
    const trials = decode(trialTable, readFileSync(join(folder, 'run', 'trials.csv'), 'utf8'));
    const ofBroker = trials.filter(({ strategy }) => strategy === 'broker');
    assert.ok(ofBroker.length > 0);
    for (const { status, workers, digest_matches } of ofBroker)
      assert.deepEqual([status, workers, digest_matches], ['ok', 3, true], stderr);
    const summaries = decode(summaryTable, readFileSync(join(folder, 'run', 'summary.csv'), 'utf8'));
    const [row] = summaries.filter(({ strategy }) => strategy === 'broker');
    assert.equal(row?.oversubscribed, false, 'the cores of this machine do not limit it');
    assert.ok(loadedByAgent() >= 3, 'the agent that was there ran the documents');
  });

  it('pick races them', { timeout: 100_000 }, async () => {
    const words = ['pick', '--task', 'task.mjs', '--docs', 'docs', '--time-budget', '30s', '--out', 'picked'];
    const asked = ['--broker', redis.url, '--isolation', 'machine', '--json'];
    const before = loadedByAgent();
    const { code, stderr } = await cli([...words, ...asked], folder, chartless);
    assert.equal(code, 0, stderr);
    const trials = decode(trialTable, readFileSync(join(folder, 'picked', 'trials.csv'), 'utf8'));
    const counts = new Set(
      trials.filter(({ strategy }) => strategy === 'broker').map(({ workers }) => workers),
    );
    assert.deepEqual([...counts], [3]);
    assert.ok(loadedByAgent() > before);
  });
});
