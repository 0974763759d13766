import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { HeldBack } from '../../bench/cli/held-back.js';
import { InputOrder } from '../../bench/job/input-order.js';
import type { DocumentLine } from '../../bench/job/line.js';
import { ready } from '../../strategies/session/source.js';

const lineOf = (id: string): DocumentLine => ({ id, line: `${id}\n`, notOk: null, isFallback: false });

describe('lines in the order of the input', () => {
  it('come in that order, whichever documents end first and however many there are', () => {
    // Each number says how many documents are pulled before one of those in progress ends; false: the next
    // document cannot be read and has its line at once.
    const steps = fc.array(fc.tuple(fc.nat(3), fc.nat(1000), fc.boolean()), { maxLength: 4000 });
    fc.assert(
      fc.property(steps, (steps) => {
        const written: string[] = [];
        const order = new InputOrder(({ id }) => written.push(id));
        const expected: string[] = [];
        const running: [index: number, id: string][] = [];
        let index = 0;
        for (const [pulls, choice, isReadable] of steps) {
          for (let i = 0; i < pulls; i++) {
            running.push([index++, `d${expected.length}`]);
            expected.push(`d${expected.length}`);
            order.pulled();
          }
          if (!isReadable) {
            order.found(lineOf(`d${expected.length}`));
            expected.push(`d${expected.length}`);
          }
          const [[place, id] = []] = running.splice(choice % (running.length || 1), 1);
          if (place !== undefined && id !== undefined) order.add(place, lineOf(id));
          assert.deepEqual(written, expected.slice(0, written.length));
        }
        for (const [place, id] of running.reverse()) order.add(place, lineOf(id));
        assert.deepEqual(written, expected);
      }),
      { numRuns: 30 },
    );
  });

  it('leave out what is behind a document without a line', () => {
    const written: string[] = [];
    const order = new InputOrder(({ id }) => written.push(id));
    for (let i = 0; i < 3; i++) order.pulled();
    order.add(2, lineOf('c'));
    order.add(0, lineOf('a'));
    assert.deepEqual(written, ['a']);
  });

  for (const [what, limits] of [
    ['documents', { maxDocuments: 3 }],
    ['characters', { maxWaiting: 4 }],
  ] as const)
    it(`hold the source back at a number of ${what}, until the oldest has its line`, async () => {
      const written: string[] = [];
      const order = new InputOrder(({ id }) => written.push(id), limits);
      function* items() {
        for (let i = 0; i < 6; i++) {
          order.pulled();
          yield i;
        }
      }
      const source = new HeldBack(items(), order);
      for (let i = 0; i < 3; i++) assert.deepEqual(source[ready](), { done: false, value: i });
      order.add(1, lineOf('b'));
      order.add(2, lineOf('c'));
      assert.equal(source[ready](), null);
      const got: unknown[] = [];
      for (let i = 0; i < 2; i++) source.next().then(({ value }) => got.push(value));
      await turn();
      assert.deepEqual([got, written], [[], []]);
      order.add(0, lineOf('a'));
      await turn();
      assert.deepEqual(
        [got, written],
        [
          [3, 4],
          ['a', 'b', 'c'],
        ],
      );
    });

  it('hold nothing back any more when the job stops', async () => {
    const order = new InputOrder(() => {}, { maxDocuments: 1 });
    order.pulled();
    const source = new HeldBack([1], order);
    const next = source.next();
    assert.equal(source[ready](), null);
    order.release();
    assert.deepEqual(await next, { done: false, value: 1 });
  });
});
