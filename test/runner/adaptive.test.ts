import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Registry } from 'prom-client';
import { type AdaptiveDecision, createRunner, openStrategy } from '../../index.js';
import { collectMetrics } from '../../runner/prom-client.js';
import type { Document } from '../../workloads/workload.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function taskOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const waits = taskOf(
  'waits.mjs',
  'export default async () => { await new Promise((resolve) => setTimeout(resolve, 2)); };',
);

function* documents(count: number): Generator<Document> {
  for (let index = 0; index < count; index++) {
    const bytes = new Uint8Array(8);
    yield { index, id: `d${index}`, size: bytes.length, bytes };
  }
}

const limit = { timeout: 60_000 };

describe('an adaptive runner', () => {
  it('starts with as many in flight as it is given, above 1,024, too', limit, async () => {
    const task = taskOf(
      'meets.mjs',
      `const waiting = [];
      export default () => new Promise((resolve) => {
        if (waiting.push(resolve) === 1100) for (const end of waiting.splice(0)) end();
      });`,
    );
    const runner = await createRunner({ strategy: 'async', workers: 1100, task, adaptive: true });
    let ok = 0;
    for await (const { status } of runner.process(documents(1100))) if (status === 'ok') ok++;
    await runner.close();
    assert.equal(ok, 1100);
  });

  it('runs more documents at the same time where they only wait', limit, async () => {
    for (const options of [
      { strategy: 'async', workers: 2 },
      { strategy: 'self-scheduling', workers: 1, perWorker: 2 },
    ]) {
      const decisions: AdaptiveDecision[] = [];
      const runner = await createRunner({
        ...options,
        task: waits,
        adaptive: true,
        onDecision: (decision) => decisions.push(decision),
      });
      let outcomes = 0;
      for await (const { status } of runner.process(documents(1_000_000))) {
        assert.equal(status, 'ok');
        outcomes++;
        if ((runner.stats().adaptive?.high ?? 0) >= 3) break;
      }
      // On a busy machine the number may be lower again, and may have been lower before.
      const { adaptive } = runner.stats();
      const raised = decisions.filter(({ kind }) => kind === 'raise');
      assert.ok(adaptive !== undefined && adaptive.high >= 3 && adaptive.low <= 2, options.strategy);
      const why = /^(\d+) → (\d+): the rate at \2 is \d+ % of that at \1$/;
      assert.ok(
        raised.some((decision) => why.test(decision.why)),
        decisions.map((decision) => decision.why).join('\n'),
      );
      assert.equal(raised.length, adaptive.decisions.raise);
      assert.ok(outcomes > 50);
      await runner.close();
    }
  });

  it('lowers the number when a service refuses', limit, async () => {
    const task = taskOf(
      'refused.mjs',
      "export default async () => { throw Object.assign(new Error('no'), { status: 429 }); };",
    );
    const runner = await createRunner({ strategy: 'async', workers: 40, task, adaptive: true });
    for await (const { status } of runner.process(documents(100))) assert.equal(status, 'failed');
    const { adaptive } = runner.stats();
    assert.ok(adaptive !== undefined && adaptive.number < 40 && adaptive.decisions.guard > 0);
    assert.match(adaptive.lastMove?.why ?? '', /^40 → 39: a service has refused a document$/);
    await runner.close();
  });

  it('is not there unless it is asked for', async () => {
    const runner = await createRunner({ strategy: 'async', workers: 2, task: waits });
    await runner.run({ id: 'a', bytes: new Uint8Array(1) });
    assert.equal('adaptive' in runner.stats(), false);
    await runner.close();
  });

  it('needs a strategy with several documents at a time on one thread', async () => {
    await assert.rejects(
      createRunner({ strategy: 'sequential', workers: 1, task: waits, adaptive: true }),
      /expected a strategy with several documents .* "sequential" has none: leave `adaptive` out/,
    );
    await assert.rejects(
      createRunner({ strategy: 'async', workers: 1, perWorker: 2, task: waits }),
      /expected perWorker to be 1 or absent with "async"/,
    );
  });

  it('shows Prometheus the number, its range, and the decisions', limit, async () => {
    const runner = await createRunner({ strategy: 'async', workers: 3, task: waits, adaptive: true });
    const register = new Registry();
    const end = collectMetrics(runner, { register });
    const text = await register.metrics();
    assert.match(text, /^forkwise_documents_at_once 3$/m);
    assert.match(text, /^forkwise_documents_at_once_low 3$/m);
    assert.match(text, /^forkwise_documents_at_once_high 3$/m);
    assert.match(text, /^forkwise_documents_at_once_moves_total 0$/m);
    assert.match(text, /^forkwise_documents_at_once_decisions_total\{kind="raise"\} 0$/m);
    end();
    assert.equal(await register.metrics(), '\n');
    await runner.close();
  });
});

it('documents in flight follow a number that changes during a run', limit, async () => {
  const url = pathToFileURL(
    taskOf(
      'counts.mjs',
      `let running = 0;
      export default async () => {
        const seen = ++running;
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return seen;
      };`,
    ),
  ).href;
  const session = await openStrategy('async', { name: 'counts', url, options: {} }, { workers: 2 });
  const numbers = [2, 7, 1, 5];
  session.setPerWorker?.(2);
  const seen: number[] = [];
  const allowed: number[] = [];
  await session.run(documents(400), (outcome) => {
    assert.equal(outcome.status, 'ok');
    seen.push((outcome.status === 'ok' ? outcome.value : 0) as number);
    allowed.push(numbers[Math.floor(seen.length / 100)] ?? 5);
    if (seen.length % 100 === 0) session.setPerWorker?.(numbers[seen.length / 100] ?? 5);
  });
  assert.equal(seen.length, 400);
  // Documents that began before a change have the number before it.
  for (const part of [0, 1, 2, 3]) {
    const settled = seen.slice(100 * part + 10, 100 * part + 100);
    assert.equal(Math.max(...settled), numbers[part]);
  }
  await session.close();
});
