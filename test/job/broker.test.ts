import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../processes.js';
import { noRedis, testRedis } from '../redis.js';
import { cli, cliPath } from '../support.js';

describe('a job with a broker', { skip: noRedis() }, () => {
  const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  const started: ChildProcess[] = [];
  after(() => {
    for (const child of started) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });
  const redis = testRedis();

  function start(args: readonly string[], cwd: string): ChildProcess {
    const child = spawn(process.execPath, [cliPath, ...args], { cwd, stdio: 'ignore' });
    started.push(child);
    return child;
  }

  it('continues after it was killed, and takes over what it has left', { timeout: 60_000 }, async () => {
    const count = 60;
    const folder = join(root, 'killed');
    mkdirSync(join(folder, 'in'), { recursive: true });
    mkdirSync(join(folder, 'runs'));
    for (let i = 0; i < count; i++) writeFileSync(join(folder, 'in', `${i}.txt`), `document ${i}`);
    writeFileSync(
      join(folder, 'task.mjs'),
      `import { writeFileSync } from 'node:fs';
       import { setTimeout } from 'node:timers/promises';
       export default async ({ id, bytes }, { options }) => {
         const run = '/' + id.slice(3) + process.hrtime.bigint();
         writeFileSync(${JSON.stringify(join(folder, 'runs'))} + run, '');
         await setTimeout(40);
         return Buffer.from(bytes).toString();
       };`,
    );
    const agent = start(['agent', '--broker', redis.url, '--accept', 'any', '--workers', '2'], folder);
    const job = ['run', '--task', 'task.mjs', '--docs', 'in', '--out', 'out.ndjson', '--strategy', 'broker'];
    const words = [...job, '--broker', redis.url];
    const first = start(words, folder);
    const linesIn = () => {
      try {
        return readFileSync(join(folder, 'out.ndjson'), 'utf8').split('\n').filter(Boolean);
      } catch {
        return [];
      }
    };
    await until(() => linesIn().length >= 8);
    first.kill('SIGKILL');
    await once(first, 'exit');
    assert.ok(linesIn().length < count, 'it was killed before the end');
    const { code, stdout, stderr } = await cli(words, folder);
    assert.equal(code, 0, stdout + stderr);
    const lines = linesIn().map((line) => JSON.parse(line) as { id: string; value: string });
    assert.equal(new Set(lines.map(({ id }) => id)).size, count);
    assert.equal(lines.length, count);
    for (const { id, value } of lines) assert.equal(`in/${value.replace('document ', '')}.txt`, id);
    const runs = readdirSync(join(folder, 'runs')).length;
    assert.ok(runs <= count + 2, `${runs} runs: results that waited were not thrown away`);
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    assert.deepEqual(await redis.inspect.keys('*:card'), []);
  });

  it('ends with 130 at a signal while no agent has joined', { timeout: 60_000 }, async () => {
    const folder = join(root, 'alone');
    mkdirSync(join(folder, 'in'), { recursive: true });
    writeFileSync(join(folder, 'in', 'one.txt'), 'one');
    writeFileSync(join(folder, 'task.mjs'), 'export default () => 1;');
    const job = ['run', '--task', 'task.mjs', '--docs', 'in', '--out', 'out.ndjson', '--strategy', 'broker'];
    const child = start([...job, '--broker', redis.url], folder);
    while ((await redis.inspect.zcard('forkwise:runs')) === 0) await sleep(10);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    assert.equal(code, 130);
  });

  it('says in one sentence that there is no broker', { timeout: 60_000 }, async () => {
    const folder = join(root, 'none');
    mkdirSync(join(folder, 'in'), { recursive: true });
    writeFileSync(join(folder, 'in', 'one.txt'), 'one');
    writeFileSync(join(folder, 'task.mjs'), 'export default () => 1;');
    const words = ['run', '--task', 'task.mjs', '--docs', 'in', '--out', 'out.ndjson', '--workers', '1'];
    const url = 'redis://user:secret@127.0.0.1:1';
    const { code, stderr } = await cli([...words, '--strategy', 'broker', '--broker', url], folder);
    assert.equal(code, 4);
    assert.match(stderr, /error: expected a Redis at redis:\/\/user:…@127\.0\.0\.1:1, got none in 10 s/);
    assert.doesNotMatch(stderr, /secret|\n\s+at /);
    assert.doesNotMatch(stderr, /left something open/, 'the task has not even begun');
    const other = await cli([...words, '--strategy', 'queue', '--broker', url], folder);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /expected a strategy between machines/);
  });
});
