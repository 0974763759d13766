import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Document } from '../../workloads/workload.js';
import { until } from '../processes.js';
import { document, Puppet, settled, standing } from './puppet.js';

describe('room', () => {
  const room = 3072; // one source may have this number of documents ahead, at one worker

  /** Documents without end that count how many were pulled. */
  function endless(size = 1) {
    const state = { pulled: 0, returned: false };
    const bytes = new Uint8Array(size);
    function* source() {
      try {
        for (;;) yield { id: `d${state.pulled++}`, bytes };
      } finally {
        state.returned = true;
      }
    }
    async function* later() {
      yield* source();
    }
    return { state, source, later };
  }

  for (const kind of ['source', 'later'] as const) {
    it(`is bounded by number while no outcome is taken (${kind})`, async () => {
      const { state, ...sources } = endless();
      const puppet = new Puppet({ prompt: true });
      const runner = puppet.runner();
      const outcomes = runner.process(sources[kind]());
      await outcomes.next();
      await until(() => state.pulled >= room); // a turn of the event loop comes in between now and then
      await settled();
      assert.ok(state.pulled <= room + 2, `${state.pulled}`);
      // The source goes on when half of the outcomes are taken, and not before.
      for (let i = 0; i < room / 2 - 2; i++) await outcomes.next();
      await settled();
      assert.ok(state.pulled <= room + 2, `${state.pulled}`);
      for (let i = 0; i < 10; i++) await outcomes.next();
      await until(() => state.pulled > room + room / 4);
      // The runner is free for others all the while.
      assert.equal((await runner.run(document('other'))).status, 'ok');
      await outcomes.return();
      await settled();
      assert.equal(state.returned, true);
      await runner.close();
    });

    it(`is bounded by bytes, but for what keeps the workers busy (${kind})`, async () => {
      const { state, ...sources } = endless(20 * 2 ** 20);
      const puppet = new Puppet();
      const runner = puppet.runner(2);
      const known = runner.run(document('a'));
      await settled();
      puppet.ok(puppet.pulled.shift() as Document);
      await known; // tasks are short
      const outcomes = runner.process(sources[kind]());
      void outcomes.next();
      await settled();
      assert.equal(puppet.pulled.length, 4); // they have 80 MiB, more than 32, but are two more than workers
      assert.ok(state.pulled <= 5);
      for (const one of puppet.pulled) puppet.ok(one);
      await outcomes.next();
      await settled();
      assert.ok(state.pulled > 5); // two were taken
      for (const one of puppet.pulled.slice(4)) puppet.ok(one);
      await outcomes.return();
      await runner.close();
    });
  }

  it('is 100 ms of work without outcomes, so that a drain is soon over', async () => {
    for (const { taskMs, documents } of [
      { taskMs: 1, documents: 300 },
      { taskMs: 5000, documents: 12 },
    ]) {
      const { state, source } = endless();
      const puppet = new Puppet({ taskMs });
      const runner = puppet.runner(3);
      const known = runner.run(document('a'));
      await settled();
      puppet.ok(puppet.pulled.shift() as Document);
      await known;
      const outcomes = runner.process(source());
      void outcomes.next();
      await standing(() => state.pulled);
      assert.ok(Math.abs(state.pulled - documents) <= 1, `${state.pulled}`);
      // Outcomes that are not taken hold up nothing as long as they are not too many.
      for (const one of puppet.pulled.splice(0)) puppet.ok(one);
      await standing(() => state.pulled);
      assert.ok(state.pulled >= 2 * documents - 2, `${state.pulled}`);
      await outcomes.return();
      await settled();
      for (const one of puppet.pulled) puppet.ok(one);
      await runner.close();
    }
  });

  it('counts the bytes of results that are not taken', async () => {
    const { state, source } = endless();
    const puppet = new Puppet({ prompt: true, value: new Uint8Array(2 ** 20) });
    const runner = puppet.runner();
    const outcomes = runner.process(source());
    await outcomes.next();
    await settled();
    assert.ok(state.pulled >= 32 && state.pulled < 40, `${state.pulled}`);
    await outcomes.return();
    await runner.close();
  });

  it('of an asynchronous source is 10 ms of work in front of the session', async () => {
    const { state, later } = endless();
    const puppet = new Puppet({ taskMs: 0.5, most: 1 });
    const runner = puppet.runner(2);
    const known = runner.run(document('a'));
    await settled();
    puppet.ok(puppet.pulled.shift() as Document);
    await known;
    const outcomes = runner.process(later());
    const first = outcomes.next();
    for (let i = 0; i < 20; i++) await settled();
    // The session has one, and 40 wait.
    assert.ok(state.pulled >= 40 && state.pulled <= 42, `${state.pulled}`);
    assert.equal(runner.stats().queued, 40);
    puppet.ok(puppet.pulled.shift() as Document);
    await first;
    await outcomes.return();
    await settled();
    for (const one of puppet.pulled) puppet.ok(one);
    await runner.close();
  });

  it('holds what an ordered source keeps back, too', async () => {
    const { state, source } = endless();
    const puppet = new Puppet();
    const runner = puppet.runner();
    const outcomes = runner.process(source(), { ordered: true });
    const first = outcomes.next();
    await settled();
    assert.equal(puppet.pulled.length, 4); // until it is known how long tasks take
    for (let i = 1; i < puppet.pulled.length; i++) {
      puppet.ok(puppet.pulled[i] as Document);
      await turn();
    }
    const pulled = puppet.pulled.length; // one has no outcome, and all others wait for it
    assert.ok(pulled >= room / 2 && pulled <= room, `${pulled}`);
    puppet.ok(puppet.pulled[0] as Document);
    assert.equal((await first).value?.index, 0);
    for (let i = 1; i < pulled; i++) assert.equal((await outcomes.next()).value?.index, i);
    await settled();
    assert.ok(state.pulled > pulled);
    await outcomes.return();
    await settled();
    for (const one of puppet.pulled.slice(pulled)) puppet.ok(one);
    await runner.close();
  });
});
