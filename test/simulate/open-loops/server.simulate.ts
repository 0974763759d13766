import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { files, processTree, treeMemory } from '../../../bench/measure/proc.js';
import { descendants, isWorker, until } from '../../processes.js';
import { recommendation } from '../../runner/recommendations.js';
import { example } from '../../runner/start-example.js';

/**
 * `npm run test:server`: `examples/http-server.mjs` gets one and a half times the documents that its workers
 * keep up with, for a minute, and loses a worker in the middle.
 */
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const agent = new Agent({ keepAlive: true, maxSockets: 500 });
after(() => {
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const seconds = 60;
const taskMs = 20;
const workers = 2;
const p99Ms = 500;
/** Two workers keep up with this rate; a tenth of their time is for handing documents over. */
const perSecond = (0.9 * 1000 * workers) / taskMs;
const overload = 1.5;

it('answers or refuses everything under overload, within its promise, in constant memory', {
  skip: process.platform !== 'linux' && 'reads processes as Linux shows them',
  timeout: 120_000,
}, async (t) => {
  const file = join(folder, 'recommendation.json');
  const task = fileURLToPath(new URL('../../fixtures/tasks/server-task.js', import.meta.url));
  const expected = { ...recommendation().expected, documentsPerSecond: 1.1 * perSecond, low: perSecond };
  const content = recommendation({ task, strategy: 'process-pool', workers, delivery: 'message', expected });
  writeFileSync(file, JSON.stringify(content));
  const env = { PORT: '0', RECOMMENDATION: file, P99_MS: `${p99Ms}` };
  const { child, said, ended } = example('http-server.mjs', [], env);
  await until(() => {
    assert.equal(child.exitCode, null, said.errors);
    return /listening on .*\n/.test(said.text);
  });
  const [port = 0, maxUnderWay = 0] = (said.text.match(/\d+/g) ?? []).map(Number);
  const pid = child.pid as number;

  const acceptedMs: number[] = [];
  const codes = new Map<number, number>();
  const post = (number: number, dueMs: number) =>
    new Promise<void>((resolve, reject) => {
      const sent = request({ host: 'localhost', port, method: 'POST', agent }, async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        const { statusCode = 0, headers } = response;
        codes.set(statusCode, (codes.get(statusCode) ?? 0) + 1);
        if (statusCode === 200) {
          acceptedMs.push(performance.now() - dueMs);
          assert.equal(JSON.parse(text).number, number);
        } else {
          assert.equal(statusCode, 503, text);
          assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
        }
        resolve();
      });
      sent.on('error', reject).end(JSON.stringify({ number, waitMs: taskMs }));
    });

  const memory: number[] = [];
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted) {
      memory.push(treeMemory(files, processTree(files, pid)) ?? 0);
      await wait(500);
    }
  })();
  let killed = false;
  const startMs = performance.now();
  const posts: Promise<void>[] = [];
  const count = Math.round(overload * perSecond * seconds);
  let dueMs = startMs;
  for (let number = 0; number < count; number++) {
    dueMs += (-1000 * Math.log(1 - Math.random())) / (overload * perSecond);
    if (dueMs > performance.now()) await wait(dueMs - performance.now());
    posts.push(post(number, dueMs));
    if (!killed && number >= count / 2) {
      killed = true;
      process.kill(descendants(pid).find(isWorker) as number, 'SIGKILL');
    }
  }
  await Promise.all(posts);
  watching.abort();
  await watch;

  const sorted = acceptedMs.toSorted((a, b) => a - b);
  const p99 = sorted[Math.ceil(0.99 * sorted.length) - 1] as number;
  const third = Math.floor(memory.length / 3);
  const [middle, last] = [memory.slice(third, 2 * third), memory.slice(2 * third)].map((part) =>
    Math.max(...part),
  ) as [number, number];
  t.diagnostic(`up to ${maxUnderWay} under way; ${JSON.stringify([...codes])}; p99 of accepted ${p99} ms`);
  t.diagnostic(`memory ${(middle / 1e6).toFixed(1)} MB, then ${(last / 1e6).toFixed(1)} MB`);
  assert.equal(
    [...codes.values()].reduce((a, b) => a + b, 0),
    count,
  );
  assert.deepEqual([...codes.keys()].toSorted(), [200, 503]);
  assert.ok(p99 <= p99Ms);
  assert.ok(last <= 1.1 * middle + 10e6);
  child.kill('SIGTERM');
  assert.equal(await ended, 0, said.errors);
});
