import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { strategies } from '../../index.js';
import type { Outcome } from '../../strategies/strategy.js';
import { collect, document, documents, Puppet, withRunner } from './puppet.js';

describe('every strategy', () => {
  for (const { name } of strategies) {
    it(`${name}: streams, single documents and failures beside each other`, async () => {
      await withRunner({ strategy: name }, async (runner) => {
        const [plain, ordered, singles] = await Promise.all([
          collect(runner.process(documents(300))),
          collect(
            runner.process(
              (async function* () {
                for (const one of documents(200)) yield await Promise.resolve(one);
              })(),
              { ordered: true },
            ),
          ),
          Promise.all([...documents(20), document('throw'), document('later')].map((one) => runner.run(one))),
        ]);
        assert.deepEqual(
          plain.map(({ index, id }) => `${index} ${id}`).sort(),
          documents(300)
            .map(({ id }, index) => `${index} ${id}`)
            .sort(),
        );
        assert.deepEqual(
          ordered.map(({ index }) => index),
          Array.from({ length: 200 }, (_, i) => i),
        );
        assert.deepEqual(
          singles.map(({ id, status }) => `${id} ${status}`),
          [...documents(20).map(({ id }) => `${id} ok`), 'throw failed', 'later ok'],
        );
        const { outcomes, inFlight, queued, bytes } = runner.stats();
        assert.deepEqual({ ...outcomes }, { ok: 521, failed: 1, 'timed-out': 0, crashed: 0 });
        assert.deepEqual({ inFlight, queued, bytes }, { inFlight: 0, queued: 0, bytes: 5220 });
      });
    });
  }

  for (const strategy of ['sequential', 'async', 'self-scheduling', 'queue']) {
    it(`${strategy} finishes a source that never waits, over many turns of the event loop`, async () => {
      await withRunner({ strategy }, async (runner) => {
        const count = 100_000;
        const one = document('size');
        const source = function* () {
          for (let i = 0; i < count; i++) yield one;
        };
        let ok = 0;
        for await (const { status } of runner.process(source())) if (status === 'ok') ok++;
        assert.equal(ok, count);
      });
    });
  }

  it('sends small views of large buffers alone: a clone takes all that a view is a view of', async () => {
    const view = new Uint8Array(1 << 20).subarray(5, 8);
    await withRunner({ strategy: 'thread-pool', workers: 1 }, async (runner) => {
      const outcome = await runner.run({ id: 'view', bytes: view });
      assert.equal(outcome.status, 'failed'); // the task knows no such name
      const bytes = await runner.run({ id: 'bytes', bytes: view });
      assert.deepEqual(bytes.status === 'ok' && (bytes.value as Uint8Array).buffer.byteLength, 3);
    });
  });
});

it('gives every document of every caller one outcome, whatever they do', async () => {
  const caller = fc.record({
    documents: fc.nat(60),
    later: fc.boolean(),
    ordered: fc.boolean(),
    /** The caller leaves after this number of outcomes. */
    stay: fc.option(fc.nat(20), { nil: null }),
    slow: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(caller, { minLength: 1, maxLength: 5 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 9 }),
      async (callers, calls, most) => {
        const puppet = new Puppet({ most });
        const runner = puppet.runner();
        let answered = 0;
        let over = false;
        const served = (async () => {
          while (!over) {
            await turn();
            // Documents in progress are answered, the last one first.
            const inHand = puppet.pulled.slice(answered);
            answered += inHand.length;
            for (const one of inHand.reverse()) puppet.ok(one);
          }
        })();
        const streams = callers.map(async ({ documents: count, later, ordered, stay, slow }, c) => {
          const list = documents(count, `${c}-`);
          const source = later
            ? (async function* () {
                for (const one of list) {
                  if (one.id.endsWith('7')) await turn();
                  yield one;
                }
              })()
            : list;
          const got: Outcome[] = [];
          for await (const outcome of runner.process(source, { ordered })) {
            got.push(outcome);
            if (slow) await turn();
            if (got.length === stay) break;
          }
          assert.equal(got.length, stay === null || stay === 0 ? count : Math.min(stay, count));
          for (const { index, id } of got) assert.equal(id, `${c}-${index}`);
          const indexes = got.map(({ index }) => index);
          assert.equal(new Set(indexes).size, got.length);
          if (ordered)
            assert.deepEqual(
              indexes,
              [...indexes].sort((a, b) => a - b),
            );
        });
        const singles = documents(calls, 'call').map(async (one) =>
          assert.equal((await runner.run(one)).id, one.id),
        );
        await Promise.all([...streams, ...singles]);
        await runner.drain();
        over = true;
        await served;
        const { inFlight, queued, outcomes } = runner.stats();
        assert.deepEqual([inFlight, queued], [0, 0]);
        assert.equal(outcomes.ok, puppet.pulled.length);
      },
    ),
    { numRuns: 60 },
  );
});
