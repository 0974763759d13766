import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStrategy } from '../../index.js';
import { LimitClient } from '../../services/limit-client.js';
import { LimitServer } from '../../services/limit-server.js';
import { taskServices } from '../../services/task-services.js';
import { startRedis } from '../../strategies/broker/own-redis.js';
import type { OpenOptions, Outcome, ServiceLimit, Session } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { OllamaOptions } from '../../workloads/services/ollama.js';
import type { ServiceLog } from '../../workloads/services/service.js';
import type { Document } from '../../workloads/workload.js';
import { descendants, isWorker } from '../processes.js';
import { noRedis } from '../redis.js';

/**
 * Whether limits of services are kept and used, judged by the log of a server on this machine. Every part
 * has a name, and `node --test --test-name-pattern 'part a' …` runs one. `FORKWISE_SHARE=0.1` takes a tenth
 * of the time.
 */

const share = Number(process.env.FORKWISE_SHARE ?? 1);
const totalMs = 180_000 * share;
const second: ServiceLimit = { requests: 100, per: '1s' };
const minute: ServiceLimit = { requests: 600, per: '60s' };
const enforced = { second: { max: 100, perMs: 1000 }, minute: { max: 600, perMs: 60_000 } };
/** Four processes with two documents each at a time. */
const eight = { workers: 4, perWorker: 2 };

interface Server {
  readonly address: string;
  log(): Promise<ServiceLog>;
}

interface Ended extends ServiceLog {
  readonly outcomes: number;
  readonly failures: readonly Outcome[];
  readonly requests: number;
}

async function withServer<T>(
  options: Partial<OllamaOptions>,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const path = fileURLToPath(new URL('./limits-service.js', import.meta.url));
  const child = fork(path, [JSON.stringify({ seed: 1, parallel: 1000, ...options })]);
  try {
    const { address } = await new Promise<{ address: string }>((resolve) => child.once('message', resolve));
    return await use({
      address,
      log: async () => (await (await fetch(`${address}/log`)).json()) as ServiceLog,
    });
  } finally {
    child.disconnect();
  }
}

/** Asks the server for `totalMs`, and returns what its log says. */
function ask(
  server: Partial<OllamaOptions>,
  options: Partial<OpenOptions>,
  beside: () => Promise<void> = async () => {},
  { strategy = 'queue', forMs = totalMs } = {},
): Promise<Ended> {
  return withServer(server, async (service) => {
    const session = await openStrategy(strategy, taskOf(service.address), { ...eight, ...options });
    const endMs = now() + forMs;
    let outcomes = 0;
    const failures: Outcome[] = [];
    try {
      await Promise.all([
        session.run(endless(endMs), (outcome) => {
          outcomes++;
          if (outcome.status !== 'ok') failures.push(outcome);
        }),
        beside(),
      ]);
    } finally {
      await session.close({ now: true });
    }
    const log = await service.log();
    return { ...log, outcomes, failures, requests: log.arrivals.length };
  });
}

async function* endless(endMs: number): AsyncGenerator<Document> {
  for (let index = 0; now() < endMs; index++) {
    const bytes = Buffer.from(`# Document ${index}\nwords about nothing`);
    yield { index, id: `d${index}`, size: bytes.length, bytes };
  }
}

/** The number of requests of a schedule that sends each one as soon as all limits allow it. */
function greedy(limits: readonly { readonly max: number; readonly perMs: number }[], forMs: number): number {
  const sent: number[] = [];
  for (let atMs = 0; ; ) {
    atMs = Math.max(
      atMs,
      ...limits.map(({ max, perMs }) => (sent.at(-max) ?? Number.NEGATIVE_INFINITY) + perMs),
    );
    if (atMs >= forMs) return sent.length;
    sent.push(atMs);
  }
}

function report(name: string, figures: Readonly<Record<string, number | string>>): void {
  console.log(
    `${name}: ${Object.entries(figures)
      .map(([what, figure]) => `${what} ${figure}`)
      .join(', ')}`,
  );
}

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;

describe('limits', () => {
  for (const { part, limits, least } of [
    { part: 'part a: 100/s', limits: [second], least: 0.95 },
    { part: 'part b: 600/min', limits: [minute], least: 0.98 },
    { part: 'part c: both', limits: [second, minute], least: 0.98 },
  ])
    it(part, async () => {
      const own = limits.map((limit) => (limit === second ? enforced.second : enforced.minute));
      const { violations, requests, refusals } = await ask({ limits: own }, { limits });
      const possible = greedy(own, totalMs);
      report(part, { requests, possible, used: percent(requests / possible), violations, refusals });
      assert.equal(violations, 0);
      assert.ok(requests >= least * possible);
    });

  it('part quantised: 600/min enforced as 10/s', async () => {
    const server: Partial<OllamaOptions> = { limits: [enforced.minute], enforcement: 'quantised' };
    const { requests, refusals } = await ask(server, { limits: [minute] });
    report('quantised', { requests, refusals });
    assert.ok(refusals <= 2);
  });

  it('part killed: workers that hold slots', async () => {
    let kills = 0;
    const kill = async () => {
      for (let left = totalMs; left > 5000; left -= 4000) {
        await sleep(4000);
        const workers = descendants(process.pid).filter(isWorker);
        process.kill(workers[kills++ % workers.length] as number, 'SIGKILL');
      }
    };
    const { violations, requests } = await ask({ limits: [enforced.second] }, { limits: [second] }, kill);
    const possible = greedy([enforced.second], totalMs);
    report('killed', { kills, requests, used: percent(requests / possible), violations });
    assert.equal(violations, 0);
    assert.ok(requests >= 0.85 * possible, 'starting workers takes its time');
  });

  it('part clock: the time of day jumps', async () => {
    const before = process.env.NODE_OPTIONS;
    const clock = new URL('../fixtures/preloads/jumping-clock.js', import.meta.url).href;
    process.env.NODE_OPTIONS = `--import ${clock}`;
    try {
      const { violations, requests } = await ask({ limits: [enforced.second] }, { limits: [second] });
      const possible = greedy([enforced.second], totalMs);
      report('clock', { requests, used: percent(requests / possible), violations });
      assert.equal(violations, 0);
      assert.ok(requests >= 0.95 * possible);
    } finally {
      process.env.NODE_OPTIONS = before ?? '';
    }
  });

  it('part broker: two agents of one caller', async () => {
    const options = { limits: [second], workers: 8, perWorker: 1 };
    const { violations, requests } = await ask({ limits: [enforced.second] }, options, undefined, {
      strategy: 'broker',
    });
    const possible = greedy([enforced.second], totalMs);
    report('broker', { requests, used: percent(requests / possible), violations });
    assert.equal(violations, 0);
  });

  it('part callers: two callers of a broker', { skip: noRedis() }, async () => {
    const redis = await startRedis();
    try {
      await withServer({ limits: [enforced.second] }, async ({ address, log }) => {
        // Each caller has enough workers for the whole limit: the first one has it alone half of the time.
        const options = { limits: [second], workers: 8, broker: { url: redis.url, agents: 1 } };
        const open = () => openStrategy('broker', taskOf(address), options);
        const sessions = await Promise.all([open(), open()]);
        const counts = [0, 0];
        const endMs = now() + totalMs;
        const run = (i: 0 | 1, untilMs: number) =>
          (sessions[i] as Session).run(endless(untilMs), () => {
            counts[i] = (counts[i] as number) + 1;
          });
        // The second one begins later and ends earlier: the first one has the whole limit before and after.
        await Promise.all([run(0, endMs), sleep(totalMs / 4).then(() => run(1, endMs - totalMs / 4))]);
        await Promise.all(sessions.map((session) => session.close()));
        const { arrivals, violations } = await log();
        const possible = greedy([enforced.second], totalMs);
        const used = percent(arrivals.length / possible);
        report('callers', { requests: arrivals.length, documents: counts.join(' and '), used, violations });
        assert.equal(violations, 0);
        assert.ok(arrivals.length >= 0.95 * possible, 'the limit moves between them');
      });
    } finally {
      await redis.close();
    }
  });

  it('part errors: 20 % fail for a third of the time', async () => {
    const errors = { share: 0.2, fromMs: totalMs / 3, toMs: (2 * totalMs) / 3 };
    const { requests, outcomes, arrivals, failures } = await ask(
      { errors },
      { limits: [second], retry: { attempts: 3 } },
    );
    const inPart = arrivals.filter((atMs) => {
      const sinceMs = atMs - (arrivals[0] as number);
      return sinceMs >= errors.fromMs && sinceMs < errors.toMs;
    });
    const bins = new Map<number, number>();
    for (const atMs of inPart) bins.set(Math.floor(atMs / 100), (bins.get(Math.floor(atMs / 100)) ?? 0) + 1);
    const mean = inPart.length / ((errors.toMs - errors.fromMs) / 100);
    const most = Math.max(...bins.values());
    report('errors', {
      documents: outcomes,
      requests,
      ratio: (requests / outcomes).toFixed(3),
      failed: failures.length,
      'most in 100 ms': most,
      mean: mean.toFixed(1),
    });
    assert.ok(requests <= 1.1 * outcomes + 1);
    assert.ok(most <= 2 * mean);
  });

  for (const [form, value, pauseMs, header = 'retry-after'] of [
    ['seconds', () => '3', 3000],
    ['zero', () => '0', 0],
    ['fraction', () => '2.5', 2500],
    ['date', () => soon().toUTCString(), 3000],
    [
      'old date',
      () =>
        soon()
          .toUTCString()
          .replace(/^(...), (..) (...) ..(..)/, 'Someday, $2-$3-$4'),
      3000,
    ],
    ['past', () => 'Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['nonsense', () => 'in a while', 1000],
    ['milliseconds', () => '1200', 1200, 'retry-after-ms'],
  ] as [string, () => string, number, string?][])
    it(`part retry-after: ${form}`, async () => {
      const { arrivals, refusedMs } = await refusedOnce({ header, value });
      const early = arrivals.filter((atMs) => atMs > refusedMs + wordMs && atMs < refusedMs + pauseMs).length;
      const firstMs = Math.min(...arrivals.filter((atMs) => atMs >= refusedMs + Math.max(pauseMs, wordMs)));
      const lateMs = Math.round(firstMs - refusedMs - pauseMs);
      const again = arrivals.filter((atMs) => atMs >= firstMs && atMs < firstMs + 2000).length;
      report(`retry-after ${form}`, { early, 'resumed after, ms': lateMs, 'in two windows': again });
      assert.equal(early, 0);
      assert.ok(lateMs <= 1000);
      assert.ok(again >= 0.95 * 2 * 100, `${again} requests in the two seconds after it`);
    });

  it('part retry-after: an hour', async () => {
    const { arrivals, refusedMs, failures } = await refusedOnce({
      header: 'retry-after',
      value: () => '3600',
    });
    const later = arrivals.filter((atMs) => atMs > refusedMs + wordMs).length;
    const closed = failures.length;
    report('retry-after an hour', { later, 'documents that failed at once': closed });
    assert.equal(later, 0);
    assert.ok(closed > 0);
  });

  it('part cost: an acquire from slots in advance', async () => {
    const { client, server } = loop([{ requests: 20_000_000, per: '1s' }]);
    const signal = new AbortController().signal;
    for (let i = 0; i < 2000; i++) if (client.acquireNow(0) === null) await client.acquire(0, signal);
    let us = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 40; round++) {
      await sleep(1);
      for (let i = 0; i < 2000; i++) if (client.acquireNow(0) === null) await client.acquire(0, signal);
      let count = 0;
      const startedUs = cpuUs();
      while (count < 500 && client.acquireNow(0) !== null) count++;
      if (count >= 200) us = Math.min(us, (cpuUs() - startedUs) / count);
    }
    server.close();
    report('cost', { 'µs per acquire': us.toFixed(2) });
    assert.ok(us <= 1);
  });
});

/** A refusal has reached all workers after this time; requests that were on their way arrive before, ms. */
const wordMs = 250;

/** Three seconds from now, in whole seconds as HTTP has them. */
function soon(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 + 3000);
}

interface Refused {
  readonly arrivals: readonly number[];
  readonly refusedMs: number;
  /** Documents that failed because the service is closed for long. */
  readonly failures: readonly Outcome[];
}

/** A server that refuses one request after two seconds, and what arrives there. */
async function refusedOnce({ header, value }: { header: string; value: () => string }): Promise<Refused> {
  const failures: Outcome[] = [];
  const arrivals: number[] = [];
  let refusedMs = Number.POSITIVE_INFINITY;
  const startedMs = now();
  const server = createServer((request, response) => {
    request.resume();
    arrivals.push(now());
    if (refusedMs === Number.POSITIVE_INFINITY && now() > startedMs + 2000) {
      refusedMs = now();
      response.writeHead(429, { [header]: value() }).end();
    } else response.writeHead(200, { 'content-type': 'application/json' }).end('{"response":"yes"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const session = await openStrategy('queue', taskOf(`http://127.0.0.1:${port}`), {
    ...eight,
    limits: [second],
  });
  try {
    await session.run(endless(now() + 8000), (outcome) => {
      if (outcome.error?.name === 'ServiceClosedError') failures.push(outcome);
      return outcome.status === 'ok' ? undefined : sleep(20); // documents that fail at once are endless
    });
  } finally {
    await session.close();
    server.closeAllConnections();
    server.close();
  }
  return { arrivals, refusedMs, failures };
}

function taskOf(service: string) {
  return {
    name: 'llm-extract',
    url: new URL('../../workloads/built-in/llm-extract.js', import.meta.url).href,
    options: { service, model: 'm', repeatable: true },
  };
}

/** A client and a server in this thread, which answers in a microtask. */
function loop(limits: readonly ServiceLimit[]) {
  const services = taskServices({ limits });
  const server = new LimitServer({ limits }, now);
  const wire = {
    sharesClock: true,
    send: (_: string | null, answer: Parameters<LimitClient['receive']>[0]) => client.receive(answer),
  };
  const client: LimitClient = new LimitClient({
    ...services,
    hasCaller: true,
    now,
    send: (request) => queueMicrotask(() => server.receive(wire, 'w', request)),
  });
  server.connect(wire);
  return { client, server };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
