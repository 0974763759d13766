import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InputDocument } from '../../index.js';
import { RunnerClosedError } from '../../runner/runner.js';
import type { Outcome } from '../../strategies/strategy.js';
import { collect, document, documents, Puppet, settled, withRunner } from './puppet.js';

describe('a caller that stops', () => {
  it('breaking off ends the pulling, and the work of others goes on', async () => {
    let returned = 0;
    const source = (function* () {
      try {
        for (let i = 0; ; i++) yield document(`size${i}`);
      } finally {
        returned++;
      }
    })();
    await withRunner({}, async (runner) => {
      const others = collect(runner.process(documents(2000)));
      for await (const outcome of runner.process(source)) if (outcome.index >= 0) break;
      assert.equal(returned, 1);
      assert.equal((await others).length, 2000);
    });
  });

  it('an abort is reported at once, whatever is under way, and other callers go on', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const outcomes = runner.process(documents(10), { signal: stop.signal });
    const first = outcomes.next();
    await settled();
    stop.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    const other = runner.run(document('other'));
    await settled();
    for (const one of puppet.pulled) puppet.ok(one);
    assert.equal((await other).id, 'other');
    await assert.rejects(runner.process(documents(1), { signal: stop.signal }).next(), /enough/);
    await runner.close();
  });

  it('a source that never gives anything is given up by break, abort, drain and close', async () => {
    const never = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<InputDocument>>(() => {}) }),
    });
    const puppet = new Puppet();
    const runner = puppet.runner();
    const returned = runner.process(never());
    const waiting = returned.next();
    await settled();
    assert.deepEqual(await returned.return(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    const drained = runner.process(never()).next();
    await settled();
    await Promise.all([assert.rejects(drained, RunnerClosedError), runner.drain()]);
    const other = new Puppet().runner();
    const closed = other.process(never()).next();
    await settled();
    await Promise.all([assert.rejects(closed, RunnerClosedError), other.close()]);
  });

  it('a generator that was never begun pulls nothing and holds up nothing', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    let pulled = 0;
    runner.process(
      (function* () {
        pulled++;
        yield document('a');
      })(),
    );
    assert.equal((await runner.run(document('b'))).status, 'ok');
    await runner.drain();
    assert.equal(pulled, 0);
  });
});

describe('sources that fail', () => {
  for (const ordered of [false, true]) {
    it(`throw behind the outcomes of what they gave, ordered ${ordered}`, async () => {
      const failing = {
        *now() {
          yield* documents(5);
          throw new Error('disk gone');
        },
        async *later() {
          yield* documents(5);
          throw new Error('disk gone');
        },
        async *wrong() {
          yield* documents(5);
          yield 'disk gone' as unknown as InputDocument;
        },
      };
      const runner = new Puppet({ prompt: true }).runner();
      for (const source of [failing.now(), failing.later(), failing.wrong()]) {
        const got: number[] = [];
        await assert.rejects(async () => {
          for await (const { index } of runner.process(source, { ordered })) got.push(index);
        }, /disk gone/);
        assert.deepEqual(got, [0, 1, 2, 3, 4]);
      }
      assert.equal((await runner.run(document('after'))).status, 'ok');
      await runner.close();
    });
  }

  it('what is no document is a TypeError that says what one looks like', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    const wrong = (value: unknown) => runner.run(value as InputDocument);
    await assert.rejects(
      wrong('./a.md'),
      /like \{ id, bytes \} or \{ id, path \}, got the string ".\/a.md"; for a file, give/,
    );
    await assert.rejects(wrong(new Uint8Array(1)), /its bytes alone/);
    await assert.rejects(wrong({ id: 1, bytes: 'x' }), /whose id is a number and whose bytes are a string/);
    await assert.rejects(wrong(undefined), /got undefined/);
    assert.throws(() => runner.process(5 as never), /expected an iterable/);
    await runner.close();
  });

  it('a source may itself ask the runner', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    const asked: Promise<Outcome>[] = [];
    const outcomes = await collect(
      runner.process(
        (function* () {
          yield document('first');
          asked.push(runner.run(document('inner')));
        })(),
      ),
    );
    assert.equal(outcomes.length, 1);
    assert.equal((await asked[0])?.id, 'inner');
    await runner.close();
  });
});
