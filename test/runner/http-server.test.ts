import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Wish } from '../fixtures/tasks/server-task.js';
import { alive, descendants, isWorker, until } from '../processes.js';
import { recommendation } from './recommendations.js';
import { example, root } from './start-example.js';

/** `examples/http-server.mjs` with a recommendation: what it accepts it answers, whatever happens. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const agent = new Agent({ keepAlive: true });
after(() => {
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const task = fileURLToPath(new URL('../fixtures/tasks/server-task.js', import.meta.url));
const page = readFileSync(join(root, 'docs', 'http-server.md'), 'utf8');
const onUnix = { timeout: 60_000, skip: process.platform === 'win32' };

interface Measured {
  readonly low: number;
  readonly p99Ms: number;
  readonly timeoutMs?: number;
}

function start({ low, p99Ms, timeoutMs }: Measured) {
  const file = join(mkdtempSync(join(folder, 'server-')), 'recommendation.json');
  const content = recommendation({
    task,
    strategy: 'process-pool',
    workers: 2,
    delivery: 'message',
    timeoutMs: timeoutMs ?? null,
    expected: { ...recommendation().expected, documentsPerSecond: low * 1.1, low },
  });
  writeFileSync(file, JSON.stringify(content));
  return example('http-server.mjs', [], { PORT: '0', RECOMMENDATION: file, P99_MS: `${p99Ms}` });
}

async function listening(measured: Measured) {
  const server = start(measured);
  await until(() => {
    assert.equal(server.child.exitCode, null, server.said.errors);
    return /listening on .*\n/.test(server.said.text);
  });
  const [port = 0, maxUnderWay = 0] = (server.said.text.match(/\d+/g) ?? []).map(Number);
  return { ...server, port, maxUnderWay, pid: server.child.pid as number };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

interface Asked {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly agent?: Agent | false;
}

/** Sends the head of a request; the caller sends its body. */
function open({ port, method = 'POST', path = '/', agent = false }: Asked) {
  const sent = request({ host: 'localhost', port, method, path, agent });
  const response = new Promise<IncomingMessage>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject),
  );
  return { sent, response, answer: () => response.then(read) };
}

async function read(response: IncomingMessage): Promise<Answer> {
  const { statusCode = 0, headers } = response;
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: statusCode, headers, text };
}

function post(port: number, wish: Wish, options: Partial<Asked> = {}): Promise<Answer> {
  const { sent, answer } = open({ port, ...options });
  sent.end(JSON.stringify(wish));
  return answer();
}

function get(port: number, path: string): Promise<Answer> {
  const { sent, answer } = open({ port, path, method: 'GET' });
  sent.end();
  return answer();
}

async function health(port: number): Promise<{ readonly underWay: number; readonly draining: boolean }> {
  return JSON.parse((await get(port, '/health')).text);
}

async function metric(port: number, name: string): Promise<number> {
  const line = (await get(port, '/metrics')).text.split('\n').find((line) => line.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

async function untilUnderWay(port: number, count: number): Promise<void> {
  while ((await health(port)).underWay !== count) await wait(10);
}

function isRefusal({ status, headers }: Answer): boolean {
  if (status !== 503) return false;
  assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
  return true;
}

describe('http-server', () => {
  it('answers or refuses everything beyond its limit', onUnix, async () => {
    const { child, said, ended, port, maxUnderWay } = await listening({ low: 100, p99Ms: 200 });
    assert.equal(maxUnderWay, 10);
    const end = performance.now() + 3000;
    let [number, done, refused] = [0, 0, 0];
    const client = async () => {
      while (performance.now() < end) {
        const mine = number++;
        const answer = await post(port, { number: mine, waitMs: 20 }, { agent });
        if (isRefusal(answer)) {
          refused++;
          await wait(20);
        } else {
          assert.deepEqual([answer.status, JSON.parse(answer.text).number], [200, mine], answer.text);
          done++;
        }
      }
    };
    const watch = async () => {
      while (performance.now() < end) {
        assert.ok((await health(port)).underWay <= maxUnderWay);
        await wait(50);
      }
    };
    await Promise.all([watch(), ...Array.from({ length: 1.5 * maxUnderWay }, client)]);
    assert.ok(done > 0 && refused > 0, `${done} done, ${refused} refused`);
    assert.equal(done + refused, number);
    assert.equal(await metric(port, 'http_answers_total{code="200"}'), done);
    assert.equal(await metric(port, 'http_answers_total{code="503"}'), refused);
    assert.equal(await metric(port, 'forkwise_documents_total{status="ok"}'), done);
    assert.equal(await metric(port, 'http_documents_under_way'), 0);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said.errors);
  });

  it('answers each outcome with its code, also when a worker is killed', onUnix, async () => {
    const server = await listening({ low: 100, p99Ms: 400, timeoutMs: 2000 });
    const { child, said, ended, port, pid } = server;
    const statuses = async (...wishes: Wish[]) =>
      (await Promise.all(wishes.map((wish) => post(port, wish)))).map(({ status }) => status);
    const bad = await statuses(
      { number: 1 },
      { number: 2, end: 'throw' },
      { number: 3, end: 'no JSON' },
      { number: 4, end: 'exit' },
      { number: 5, waitMs: 60_000 },
      { number: 6 },
    );
    assert.deepEqual(bad, [200, 422, 500, 500, 504, 200]);

    const large = 'a'.repeat(10 * 2 ** 20 + 1);
    const known = connect(port, 'localhost');
    known.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${large.length}\r\n\r\n`);
    assert.match(String(await once(known, 'data')), /^HTTP\/1.1 413 /); // it is answered at once,
    known.write(large); // and may still send its body
    await once(known, 'end'); // it rejects where the connection was reset
    const unknown = open({ port });
    unknown.sent.setHeader('Transfer-Encoding', 'chunked').end(large);
    assert.equal((await unknown.answer()).status, 413);
    assert.equal((await get(port, '/')).status, 405);

    const numbers = [10, 11, 12, 13, 14, 15];
    const posts = numbers.map((number) => post(port, { number, waitMs: 300 }));
    while ((await metric(port, 'forkwise_documents_in_flight')) < 2) await wait(10);
    const worker = descendants(pid).find(isWorker);
    if (process.platform === 'linux') process.kill(worker as number, 'SIGKILL');
    const answers = await Promise.all(posts);
    assert.deepEqual(
      answers.map(({ status, text }) => [status, JSON.parse(text).number]),
      numbers.map((number) => [200, number]),
    );
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said.errors);
  });

  it('forgets documents whose clients have left', onUnix, async () => {
    const { child, said, ended, port } = await listening({ low: 10, p99Ms: 400, timeoutMs: 600_000 });
    const sent = [1, 2].map((number) => {
      const { sent, response } = open({ port });
      response.catch(() => {});
      sent.end(JSON.stringify({ number, waitMs: 60_000 }));
      return sent;
    });
    await untilUnderWay(port, 2);
    assert.ok(isRefusal(await post(port, { number: 3 })));
    for (const one of sent) one.destroy();
    await untilUnderWay(port, 0);
    assert.equal((await post(port, { number: 4 })).status, 200);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said.errors);
  });

  it('drains on SIGTERM: nothing accepted is lost, and nothing is left', onUnix, async () => {
    const { child, said, ended, port, pid } = await listening({ low: 100, p99Ms: 200 });
    const workers = descendants(pid);
    const letters = 20e6; // a connection holds less
    const slow = open({ port });
    slow.sent.end(JSON.stringify({ number: 1, letters }));
    const arriving = open({ port });
    arriving.sent.setHeader('Expect', '100-continue');
    arriving.sent.flushHeaders();
    await once(arriving.sent, 'continue'); // the server has the request, and not its body
    const posts = [3, 4, 5, 6].map((number) => post(port, { number, waitMs: 400 }));
    await untilUnderWay(port, 6);
    child.kill('SIGTERM');
    while (!(await health(port)).draining) await wait(10);
    assert.equal((await get(port, '/health')).status, 503);
    const late = await post(port, { number: 7 }, { agent });
    assert.ok(isRefusal(late));
    assert.equal(late.headers.connection, 'close');
    arriving.sent.end(JSON.stringify({ number: 2 }));
    const answers = await Promise.all([arriving.answer(), ...posts]);
    answers.unshift(await slow.answer()); // it is read when there is nothing else to wait for
    assert.deepEqual(
      answers.map(({ status, text }) => [status, JSON.parse(text).number]),
      [1, 2, 3, 4, 5, 6].map((number) => [200, number]),
    );
    assert.equal(await ended, 0, said.errors);
    assert.deepEqual(workers.filter(alive), []);
    await assert.rejects(post(port, { number: 8 }), { code: 'ECONNREFUSED' });
  });

  it('refuses a promise that its workers cannot keep', onUnix, async () => {
    const { said, ended } = start({ low: 10, p99Ms: 399 });
    assert.equal(await ended, 1);
    assert.match(said.errors, /expected P99_MS of at least 400 for 10 documents per second, got 399/);
  });

  it('has the limit of the example in its page, and answers the load tool of that page', onUnix, async () => {
    const [, low, p99Ms, limit] = (
      /with `low` = (\d+).*?`P99_MS=(\d+)`.*?\*\*(\d+)\*\*/s.exec(page) ?? []
    ).map(Number);
    const { child, said, ended, port, maxUnderWay } = await listening({
      low: low ?? 0,
      p99Ms: p99Ms ?? 0,
    });
    assert.equal(maxUnderWay, limit);
    const [, command = ''] = /^npx autocannon (.*) http:\/\/localhost:8080$/m.exec(page) ?? [];
    const args = command.replace(/-d \d+/, '-d 1').replace(/-i \S+/, `-i ${join(root, 'package.json')}`);
    const tool = join(root, 'node_modules', 'autocannon', 'autocannon.js');
    const { stdout } = await promisify(execFile)(process.execPath, [
      tool,
      '--json',
      ...args.split(' '),
      `http://localhost:${port}`,
    ]);
    const result = JSON.parse(stdout);
    assert.deepEqual([result.errors, result.timeouts], [0, 0]);
    assert.equal(result['2xx'] + result.non2xx, result.requests.total);
    assert.ok(result['2xx'] > 0);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said.errors);
  });
});

/** The page says how far half of the promise carries. */
describe('a full house', () => {
  const rng = xoroshiro128plus(1);
  const exponential = () => -Math.log(1 - uniformFloat64(rng));
  const alike = () => (exponential() + exponential() + exponential() + exponential()) / 4;
  for (const { name, taskTime, perWorker } of [
    { name: 'half of the mean', taskTime: alike, perWorker: 2 },
    { name: 'the mean', taskTime: exponential, perWorker: 10 },
  ])
    for (const workers of [1, 2, 8])
      it(`${workers} workers, tasks that vary by ${name}`, () => {
        const times = fullHouse({ workers, underWay: workers * perWorker, taskTime });
        const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
        const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] as number;
        assert.ok(Math.abs(mean / perWorker - 1) < 0.05, `Little's law: ${mean} for ${perWorker}`);
        assert.ok(p99 / mean < 2.1, `${p99 / mean}`);
      });
});

interface House {
  readonly workers: number;
  readonly underWay: number;
  readonly taskTime: () => number;
}

/** The times of documents in a queue that gets one whenever one is done. */
function fullHouse({ workers, underWay, taskTime }: House): number[] {
  const times: number[] = [];
  const waiting = Array.from({ length: underWay }, () => 0); // when each came
  const running: { readonly came: number; readonly ends: number }[] = [];
  for (let now = 0; times.length < 40_000; ) {
    while (running.length < workers)
      running.push({ came: waiting.shift() as number, ends: now + taskTime() });
    const first = running.reduce((a, b) => (b.ends < a.ends ? b : a));
    running.splice(running.indexOf(first), 1);
    now = first.ends;
    times.push(now - first.came);
    waiting.push(now);
  }
  return times;
}
