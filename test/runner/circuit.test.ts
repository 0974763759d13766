import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CircuitOptions, createRunner, type Outcome, type Runner } from '../../index.js';
import { fixture } from '../support.js';
import { documents } from './puppet.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-circuit-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let services = 0;

interface Opened {
  readonly runner: Runner;
  readonly lines: string[];
  /** Lets the service work from now on. */
  readonly repair: () => void;
}

async function opened(strategy: string, circuit: CircuitOptions, use: (opened: Opened) => Promise<void>) {
  const up = join(folder, `up${services++}`);
  const lines: string[] = [];
  const runner = await createRunner({
    task: new URL(fixture('outage-task').url),
    strategy,
    workers: 2,
    options: { up },
    circuit: { failures: 4, firstMs: 20, maxMs: 40, ...circuit, onDecision: (line) => lines.push(line) },
  });
  try {
    await use({ runner, lines, repair: () => writeFileSync(up, '') });
  } finally {
    await runner.close();
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('circuit of a runner', () => {
  for (const strategy of ['queue', 'self-scheduling', 'async', 'sequential', 'pipeline'])
    it(`lets documents wait for the service, and gives each one outcome, with ${strategy}`, async () => {
      await opened(strategy, {}, async ({ runner, lines, repair }) => {
        const outcomes: Outcome[] = [];
        const ended = (async () => {
          for await (const outcome of runner.process(documents(60))) outcomes.push(outcome);
        })();
        await until(() => lines.length >= 3);
        assert.match(lines[0] ?? '', /the service of the task fails every document \(Error: no service\)/);
        assert.match(lines[2] ?? '', /still fails .* tries again in 40 ms/);
        assert.ok(outcomes.length >= 3 && outcomes.length < 10, `${outcomes.length} outcomes`);
        repair();
        await ended;
        assert.equal(new Set(outcomes.map(({ index }) => index)).size, 60);
        assert.equal(outcomes.length, 60);
        const failures = outcomes.filter(({ status }) => status !== 'ok');
        assert.ok(failures.length < 10, 'documents that failed before it opened have failed');
        assert.ok(outcomes.some(({ status, tries }) => status === 'ok' && tries !== undefined && tries > 1));
        assert.match(lines.at(-1) ?? '', /works again/);
      });
    });

  it('fails documents when it has given up, and goes on when the service works again', async () => {
    await opened('async', { giveUpMs: 50 }, async ({ runner, repair }) => {
      const first = await Promise.all(documents(30).map((document) => runner.run(document)));
      const names = new Set(first.map((outcome) => outcome.error?.name));
      assert.ok(names.has('ServiceClosedError') || names.has('Error'));
      const [late] = await Promise.all(documents(1, 'late').map((document) => runner.run(document)));
      assert.equal(late?.status, 'failed');
      repair();
      for (;;) {
        const outcome = await runner.run({ id: 'again', bytes: new Uint8Array(1) });
        if (outcome.status === 'ok') break;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const after = await Promise.all(documents(5, 'after').map((document) => runner.run(document)));
      assert.ok(after.every(({ status }) => status === 'ok'));
    });
  });

  it('gives waiting documents their outcomes on close, and lets one be cancelled', async () => {
    await opened('queue', { firstMs: 60_000, maxMs: 60_000 }, async ({ runner, lines }) => {
      const controller = new AbortController();
      const first = documents(12).map((document) => runner.run(document));
      const ended = Promise.allSettled(first);
      await until(() => lines.length > 0);
      const cancelled = runner.run({ id: 'x', bytes: new Uint8Array(1) }, { signal: controller.signal });
      controller.abort(new Error('not wanted'));
      await assert.rejects(cancelled, /not wanted/);
      await runner.close();
      await ended;
    });
  });

  it('gives up at once when the service asks for a wait that is longer than its own', async () => {
    await opened('thread-pool', {}, async ({ runner, lines }) => {
      await runner.run({ id: 'long', bytes: new Uint8Array(1) });
      const outcome = await runner.run({ id: 'a', bytes: new Uint8Array(1) });
      assert.equal(outcome.error?.name, 'ServiceClosedError');
      assert.match(lines.at(-1) ?? '', /fails every document \(ServiceClosedError: .* 20 minutes/);
      const next = await runner.run({ id: 'b', bytes: new Uint8Array(1) });
      assert.match(next.error?.message ?? '', /so it was not asked/);
    });
  });

  it('is off where a runner has neither limits nor retries, and refuses numbers out of range', async () => {
    const task = new URL(fixture('outage-task').url);
    const runner = await createRunner({
      task,
      strategy: 'async',
      workers: 2,
      options: { up: `${folder}/no` },
    });
    const outcomes = await Promise.all(documents(30).map((document) => runner.run(document)));
    await runner.close();
    assert.ok(outcomes.every(({ status, error }) => status === 'failed' && error?.message === 'no service'));
    await assert.rejects(
      createRunner({ task, strategy: 'async', workers: 1, circuit: { failures: 0 } }),
      /expected circuit.failures to be a whole number/,
    );
  });
});
