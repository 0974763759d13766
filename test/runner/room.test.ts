import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Document } from '../../workloads/workload.js';
import { until } from '../processes.js';
import { document, Puppet, settled } from './puppet.js';

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

  it('is a second of work, so that a drain is soon over', async () => {
    for (const { taskMs, documents } of [
      { taskMs: 10, documents: 300 },
      { taskMs: 5000, documents: 12 },
    ]) {
      const { state, source } = endless();
      const puppet = new Puppet({ prompt: true, taskMs });
      const runner = puppet.runner(3);
      const outcomes = runner.process(source());
      await outcomes.next();
      await settled();
      assert.ok(Math.abs(state.pulled - documents) <= 1, `${state.pulled}`);
      await outcomes.return();
      await runner.close();
    }
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
    assert.equal(state.pulled, room);
    puppet.ok(puppet.pulled[0] as Document);
    assert.equal((await first).value?.index, 0);
    for (let i = 1; i < room; i++) assert.equal((await outcomes.next()).value?.index, i);
    await settled();
    assert.ok(state.pulled > room);
    for (const one of puppet.pulled.slice(room)) puppet.ok(one);
    await outcomes.return();
    await runner.close();
  });
});
