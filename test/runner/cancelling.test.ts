import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { RunnerClosedError } from '../../runner/runner.js';
import type { Document } from '../../workloads/workload.js';
import { collect, document, documents, Puppet, settled } from './puppet.js';

const reason = new RangeError('no longer wanted');
const listeners = ({ signal }: AbortController) => getEventListeners(signal, 'abort').length;
const isReason = (cause: unknown) => cause === reason;

describe('cancelling a document of `run`', () => {
  it('an aborted signal rejects at once, and nothing is pulled', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    await assert.rejects(runner.run(document('a'), { signal: AbortSignal.abort(reason) }), isReason);
    await settled();
    assert.deepEqual([puppet.pulled.length, puppet.runs, runner.stats().cancelled], [0, 0, 1]);
    await runner.close();
  });

  it('waiting documents are left out, wherever they wait, and the others keep their order', async () => {
    const puppet = new Puppet({ most: 1 });
    const runner = puppet.runner();
    const stop = new AbortController();
    const results = documents(20).map((one, i) => runner.run(one, i % 3 === 0 && i > 0 ? stop : {}));
    const ids = Promise.all(
      results.map((one) =>
        one.then(
          ({ id }) => id,
          (cause) => cause,
        ),
      ),
    );
    await settled();
    assert.equal(runner.stats().queued, 19);
    stop.abort(reason);
    assert.deepEqual([runner.stats().queued, runner.stats().cancelled], [13, 6]);
    for (let i = 0; i < 14; i++) {
      await settled();
      puppet.ok(puppet.pulled[i] as Document);
    }
    const expected = documents(20).map(({ id }, i) => (i % 3 === 0 && i > 0 ? reason : id));
    assert.deepEqual(await ids, expected);
    assert.deepEqual(
      puppet.pulled.map(({ id }) => id),
      expected.filter((id) => typeof id === 'string'),
    );
    assert.equal(runner.stats().outcomes.ok, 14);
    await runner.close();
  });

  it('rejects at once although the session still has it, and drops what comes', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const one = runner.run(document('a'), stop);
    await settled();
    stop.abort(reason);
    await assert.rejects(one, isReason);
    assert.equal(runner.stats().inFlight, 1, 'the session has it');
    let drained = false;
    const drain = runner.drain().then(() => {
      drained = true;
    });
    await settled();
    assert.equal(drained, false, 'a drain waits for the session');
    puppet.ok(puppet.pulled[0] as Document);
    await drain;
    const { outcomes, bytes, busyMs, cancelled } = runner.stats();
    assert.deepEqual([outcomes.ok, bytes, busyMs, cancelled], [0, 0, 0, 1]);
  });

  it('leaves no listener on the signal, however the document ends', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const all = documents(30).map((one) => runner.run(one, stop));
    const ended = Promise.allSettled(all);
    await settled();
    assert.equal(listeners(stop), 1, 'one for all');
    for (const one of puppet.pulled.slice(0, 29)) puppet.ok(one);
    await settled();
    assert.equal(listeners(stop), 1);
    const last = puppet.pulled[29] as Document;
    puppet.crash(last, 1);
    await ended;
    assert.equal(listeners(stop), 0);
    stop.abort(reason);
    await settled();
    assert.deepEqual([runner.stats().cancelled, runner.stats().outcomes.ok], [0, 29]);
    await runner.close();
  });

  it('leaves none when the session fails', async () => {
    const puppet = new Puppet({ most: 1 });
    const runner = puppet.runner();
    const stop = new AbortController();
    const lost = [runner.run(document('a'), stop), runner.run(document('b'), stop)];
    const ended = Promise.allSettled(lost);
    await settled();
    puppet.fail();
    for (const one of await ended) assert.match(String(one.status === 'rejected' && one.reason), /broken/);
    assert.equal(listeners(stop), 0);
    await runner.close();
  });

  it('leaves none either when the runner closes, or is closed', async () => {
    const puppet = new Puppet({ most: 1 });
    const runner = puppet.runner();
    const stop = new AbortController();
    const running = runner.run(document('a'), stop);
    const waiting = assert.rejects(runner.run(document('b'), stop), RunnerClosedError);
    await settled();
    const closed = runner.close();
    await waiting;
    puppet.ok(puppet.pulled[0] as Document);
    assert.equal((await running).status, 'ok');
    await closed;
    await assert.rejects(runner.run(document('c'), stop), RunnerClosedError);
    assert.equal(listeners(stop), 0);
  });

  it('calls without a signal, and streams, are never asked about', async () => {
    const puppet = new Puppet({ prompt: true });
    const runner = puppet.runner();
    const stop = new AbortController();
    const one = runner.run(document('a'), stop);
    const rest = [runner.run(document('b')), collect(runner.process(documents(5)))] as const;
    assert.equal((await one).status, 'ok');
    await rest[0];
    assert.equal((await rest[1]).length, 5);
    assert.deepEqual(puppet.cancellable, ['a']);
    await runner.close();
  });

  it('says what a signal is', async () => {
    const runner = new Puppet().runner();
    const wrong = { signal: new AbortController() as unknown as AbortSignal };
    await assert.rejects(
      runner.run(document('a'), wrong),
      /^TypeError: expected `signal` to be an AbortSignal, got \[object AbortController\]$/,
    );
    await runner.close();
  });
});
