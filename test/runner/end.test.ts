import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRunner, type Runner } from '../../index.js';
import { RunnerClosedError } from '../../runner/runner.js';
import type { Outcome } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { alive, descendants, until } from '../processes.js';
import { collect, document, documents, odd, Puppet, settled, withRunner } from './puppet.js';

describe('the end', () => {
  it('drain gives accepted documents their outcomes, and reports where a source was cut short', async () => {
    const puppet = new Puppet({ most: 8 });
    const runner = puppet.runner();
    const got: Outcome[] = [];
    const cut = assert.rejects(
      async () => {
        for await (const outcome of runner.process(documents(100))) got.push(outcome);
      },
      (error: Error) => error instanceof RunnerClosedError && /is draining/.test(error.message),
    );
    const whole = collect(runner.process([document('only')]));
    const singles = Array.from({ length: 10 }, (_, i) => runner.run(document(`single${i}`)));
    await settled();
    assert.ok(runner.stats().queued > 0);
    let over = false;
    const drained = runner.drain().then(() => {
      over = true;
    });
    await assert.rejects(runner.run(document('late')), RunnerClosedError);
    await assert.rejects(runner.process(documents(1)).next(), RunnerClosedError);
    const pulledFromSource = () => puppet.pulled.filter(({ id }) => id.startsWith('size')).length;
    const before = pulledFromSource();
    for (let i = 0; i < puppet.pulled.length; i++) {
      assert.equal(over, false);
      puppet.ok(puppet.pulled[i] as Document);
      await settled();
    }
    await Promise.all([drained, cut]);
    assert.equal((await Promise.all(singles)).length, 10);
    assert.equal(pulledFromSource(), before);
    assert.equal(got.length, before);
    assert.equal((await whole).length, 1);
    assert.equal(puppet.closes, 1);
    await runner.drain();
    await runner.close();
    assert.equal(puppet.closes, 1);
  });

  it('close lets what is under way finish, and fails what waits', async () => {
    const puppet = new Puppet({ most: 1 });
    const runner = puppet.runner();
    const [first, second] = [runner.run(document('a')), runner.run(document('b'))];
    second.catch(() => {});
    await settled();
    const closed = runner.close();
    await assert.rejects(second, RunnerClosedError);
    await settled();
    puppet.ok(puppet.pulled[0] as Document);
    await closed;
    assert.equal((await first).status, 'ok');
  });

  it('close with `now` ends tasks that never do, also after a close or drain that waits', async () => {
    for (const wait of ['close', 'drain'] as const) {
      await withRunner({ strategy: 'process-pool', workers: 1 }, async (runner) => {
        const hung = runner.run(document('loop'));
        await until(() => runner.stats().inFlight === 1); // else `close` fails it, since it waits
        const waiting = runner[wait]();
        await settled();
        await runner.close({ now: true });
        assert.equal((await hung).status, 'crashed');
        await waiting;
      });
    }
    await until(() => descendants(process.pid).every((pid) => !alive(pid)));
  });

  it('a strategy that breaks fails every caller, and none waits', async () => {
    const puppet = new Puppet({ most: 2 });
    const runner = puppet.runner();
    const waiting = [
      runner.run(document('a')),
      runner.run(document('b')),
      runner.run(document('c')),
      collect(runner.process(documents(3))),
      collect(
        runner.process(
          (async function* () {
            yield document('x');
            await new Promise(() => {});
          })(),
        ),
      ),
    ];
    const all = Promise.allSettled(waiting);
    await settled();
    puppet.fail();
    for (const result of await all)
      assert.match(String(result.status === 'rejected' && result.reason), /strategy broken/);
    await assert.rejects(runner.run(document('d')), /strategy broken/);
    await runner.drain();
  });

  it('its signal closes it', async () => {
    const stop = new AbortController();
    const runner = await createRunner({ task: odd, strategy: 'sequential', workers: 1, signal: stop.signal });
    assert.equal((await runner.run(document('size'))).status, 'ok');
    stop.abort();
    await assert.rejects(runner.run(document('size')), RunnerClosedError);
    await runner.close();
    await assert.rejects(
      createRunner({ task: odd, strategy: 'sequential', workers: 1, signal: stop.signal }),
      /aborted/,
    );
  });

  it('`await using` closes it', async () => {
    let seen: Runner;
    {
      await using runner = await createRunner({ task: odd, strategy: 'thread-pool', workers: 1 });
      seen = runner;
      assert.equal((await runner.run(document('size'))).status, 'ok');
    }
    await assert.rejects(seen.run(document('size')), RunnerClosedError);
  });
});
