import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type InputDocument, type Outcome, RunnerClosedError } from '../../index.js';
import { InProgress } from '../../runner/in-progress.js';
import { OutcomeRing } from '../../runner/outcome-ring.js';
import type { Receiver } from '../../runner/pending.js';
import type { Document } from '../../workloads/workload.js';
import { collect, document, documents, Puppet, settled, withRunner } from './puppet.js';

async function collectBatches(batches: AsyncIterable<Outcome[]>): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for await (const batch of batches) {
    assert.ok(batch.length > 0);
    all.push(...batch);
  }
  return all;
}

/** Outcomes without what depends on when a document ran. */
const lasting = (outcomes: readonly Outcome[]) =>
  outcomes
    .map((outcome) => ({
      index: outcome.index,
      id: outcome.id,
      status: outcome.status,
      value: outcome.status === 'ok' ? outcome.value : outcome.error.message,
    }))
    .sort((a, b) => a.index - b.index);

describe('process with onOutcome', () => {
  it('gives the same outcomes as the loop, which only waits for the end', async () => {
    await withRunner({ workers: 2 }, async (runner) => {
      const given = Array.from({ length: 500 }, (_, i) =>
        document(i % 7 === 3 ? `throw${i}` : `size${i}`, i),
      );
      for (const ordered of [false, true]) {
        const seen: Outcome[] = [];
        const onOutcome = (outcome: Outcome) => void seen.push(outcome);
        assert.deepEqual(await collect(runner.process(given, { ordered, onOutcome })), []);
        assert.deepEqual(lasting(seen), lasting(await collect(runner.process(given))));
        if (ordered)
          assert.deepEqual(
            seen.map(({ index }) => index),
            [...given.keys()],
          );
      }
    });
  });

  it('ends the loop with what it throws, and the runner goes on', async () => {
    await withRunner({ workers: 2 }, async (runner) => {
      const onOutcome = () => {
        throw new RangeError('no room');
      };
      const given = Array.from(documents(3));
      await assert.rejects(collect(runner.process(given, { onOutcome })), /no room/);
      assert.equal((await collect(runner.process(given))).length, 3);
    });
  });
});

describe('process with batch', () => {
  it('gives the same outcomes as without, whatever the sizes, the order and the source', async () => {
    await withRunner({ workers: 2 }, async (runner) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat(3000), { maxLength: 400 }),
          fc.boolean(),
          fc.boolean(),
          fc.nat(3),
          async (sizes, ordered, isLater, pause) => {
            const given = sizes.map((size, i) => document(i % 7 === 3 ? `throw${i}` : `size${i}`, size));
            async function* later() {
              for (const one of given) {
                if (pause > 0 && one.bytes.length % 40 < pause) await turn();
                yield one;
              }
            }
            const source = () => (isLater ? later() : given);
            const alone = await collect(runner.process(source(), { ordered }));
            const together = await collectBatches(runner.process(source(), { ordered, batch: true }));
            assert.deepEqual(lasting(together), lasting(alone));
            const places = together.map(({ index }) => index);
            if (ordered) assert.deepEqual(places, [...sizes.keys()]);
          },
        ),
        { numRuns: 25 },
      );
    });
  });

  it('an array has all that has arrived when it is asked for, and in order nothing after a gap', async () => {
    for (const ordered of [false, true]) {
      const puppet = new Puppet();
      const runner = puppet.runner(2); // it takes 8 documents at once
      const batches = runner.process(documents(5), { ordered, batch: true });
      const first = batches.next();
      await settled();
      const [a, b, c, d, e] = puppet.pulled.splice(0) as [Document, Document, Document, Document, Document];
      puppet.ok(a);
      puppet.ok(c);
      assert.deepEqual(indexes(await first), ordered ? [0] : [0, 2]);
      const second = batches.next();
      puppet.ok(d);
      puppet.ok(b);
      assert.deepEqual(indexes(await second), ordered ? [1, 2, 3] : [3, 1]);
      puppet.ok(e);
      assert.deepEqual(indexes(await batches.next()), [4]);
      assert.deepEqual(await batches.next(), { done: true, value: undefined });
      await runner.close();
    }
  });

  it('an abort and a close are thrown, and outcomes before a broken source are given', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const aborted = runner.process(documents(3), { batch: true, signal: stop.signal }).next();
    await settled();
    stop.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    for (const one of puppet.pulled.splice(0)) puppet.ok(one);
    const broken = runner.process(
      (function* () {
        yield document('a');
        throw new Error('broken');
      })(),
      { batch: true },
    );
    const first = broken.next();
    await settled();
    for (const one of puppet.pulled.splice(0)) puppet.ok(one);
    assert.deepEqual(indexes(await first), [0]);
    await assert.rejects(broken.next(), /broken/);
    const waiting = runner.process(endless(), { batch: true }).next();
    await settled();
    const closing = runner.close();
    for (const one of puppet.pulled.splice(0)) puppet.ok(one);
    await closing;
    assert.ok(indexes(await waiting).length > 0);
    await assert.rejects(runner.process(documents(1), { batch: true }).next(), RunnerClosedError);
  });

  it('leaving the loop stops the source', async () => {
    let returned = 0;
    await withRunner({}, async (runner) => {
      for await (const _ of runner.process(
        endless(() => returned++),
        { batch: true },
      ))
        break;
      assert.equal(returned, 1);
      const thrown = runner.process(
        endless(() => returned++),
        { batch: true },
      );
      await thrown.next();
      await assert.rejects(thrown.throw(new Error('own')), /own/);
      assert.equal(returned, 2);
    });
  });

  it('pulls no more than it may while no array is taken', async () => {
    let pulled = 0;
    const puppet = new Puppet({ prompt: true });
    const runner = puppet.runner();
    const batches = runner.process(
      endless(
        () => {},
        () => pulled++,
      ),
      { batch: true },
    );
    await batches.next();
    await settled();
    const before = pulled;
    for (let i = 0; i < 20; i++) await settled();
    assert.ok(pulled <= 2 * 3072 + 2, `${pulled}`);
    const next = await batches.next();
    assert.ok(indexes(next).length > 1);
    await settled();
    assert.ok(pulled > before);
    await batches.return();
    await runner.close();
  });
});

it('documents in progress are found by their index, however late they end', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20_000), { minLength: 1, maxLength: 12 }), fc.nat(9000), (held, ahead) => {
      const inProgress = new InProgress();
      const lost: unknown[] = [];
      const receiver = (index: number): Receiver => ({ settle: () => {}, lose: () => lost.push(index) });
      const late = new Set(held);
      const count = Math.max(...held) + ahead + 1;
      for (let index = 0; index < count; index++) {
        inProgress.add(index, receiver(index), { place: index, bytes: 7, waitedMs: 0, mtimeMs: null });
        if (late.has(index)) continue;
        const entry = inProgress.at(index);
        assert.ok(entry);
        inProgress.remove(entry);
        assert.equal(inProgress.at(index), null);
      }
      assert.equal(inProgress.count, late.size);
      const [first] = held as [number];
      const entry = inProgress.at(first);
      assert.equal(entry?.place, first);
      inProgress.remove(entry as NonNullable<typeof entry>);
      assert.equal(inProgress.at(first), null);
      for (const receiver of inProgress.empty()) receiver.lose(null);
      late.delete(first);
      assert.deepEqual(
        lost.sort((a, b) => Number(a) - Number(b)),
        [...late].sort((a, b) => a - b),
      );
      assert.equal(inProgress.count, 0);
    }),
    { numRuns: 20 },
  );
});

it('outcomes are taken by position, whatever order they come in', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(300).keys()], { minLength: 300 }), (positions) => {
      const ring = new OutcomeRing();
      const taken: number[] = [];
      for (const position of positions) {
        ring.put(position, { index: position } as Outcome, position);
        for (let next = ring.take(); next !== null; next = ring.take()) taken.push(next.index);
      }
      assert.deepEqual(taken, [...positions.keys()]);
      assert.equal(ring.bytes, 0);
      assert.equal(ring.first, 300);
    }),
  );
});

const indexes = (next: IteratorResult<Outcome[], void>) => (next.value ?? []).map(({ index }) => index);

function* endless(returned = () => {}, pulled = () => {}): Generator<InputDocument> {
  try {
    for (let i = 0; ; i++) {
      pulled();
      yield document(`size${i}`);
    }
  } finally {
    returned();
  }
}
