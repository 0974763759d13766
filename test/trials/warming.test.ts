import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  lastDocuments,
  neededWarmupMs,
  type Pass,
  runUntilWarm,
  warmCosts,
  warmingMs,
  wholePass,
} from '../../bench/trials/warming.js';

/** Documents cost more by this factor after so much work of an engine, ms. */
type Factor = (workMs: number) => number;

/** Passes over documents of 1 ms; `factor` says how much more they cost after some work. */
function ran(factor: Factor, passes: readonly (readonly number[])[]): Pass[] {
  let workMs = 0;
  return passes.map((indices) => ({ indices, costsMs: indices.map(() => factor(workMs++)) }));
}

const documents = Array.from({ length: 500 }, (_, i) => i);
const thrice = [documents, documents, documents];
/** Like a large parser: five times as much at first, and as much as later from `untilMs` on. */
const cold =
  (untilMs: number): Factor =>
  (workMs) =>
    workMs < untilMs ? 5 - (3.5 * workMs) / untilMs : 1;

describe('how long a task takes to warm up', () => {
  it('is nothing where documents cost about the same from the beginning', () => {
    assert.equal(warmingMs(ran(() => 1, thrice)), 0);
    assert.equal(neededWarmupMs(ran((at) => 1 + 0.1 * (at % 2), thrice)), 0);
    assert.equal(warmingMs(ran((at) => (at < 60 ? 4 : 1), thrice)), 0, 'the first tenth of a second');
  });

  it('is the work until documents cost what they cost at the end', () => {
    for (const untilMs of [300, 400, 700, 1000]) {
      const found = warmingMs(ran(cold(untilMs), thrice));
      assert.ok(Math.abs(found - untilMs) <= 200, `${found} of ${untilMs} ms`);
      assert.ok(neededWarmupMs(ran(cold(untilMs), thrice)) > 2 * found);
    }
  });

  it('does not take a disturbed part for a cold one', () => {
    const disturbed: Factor = (at) => (at > 600 && at < 790 ? 6 : at % 97 === 0 ? 30 : 1);
    assert.equal(warmingMs(ran(disturbed, thrice)), 0);
  });

  it('compares documents that ran twice, and counts the work of all', () => {
    // Most documents ran once while the code was cold, and say nothing of it.
    const [first, last] = [documents.slice(0, 100), documents.slice(400)];
    const found = warmingMs(ran(cold(450), [documents, last, first, last]));
    assert.ok(found >= 100 && found <= 500, `${found} ms`);
  });

  it('is at most the work that was done, and never negative, whatever the costs', () => {
    const pass = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 9 }), fc.double({ min: 0, max: 50, noNaN: true })),
    );
    fc.assert(
      fc.property(fc.array(pass, { maxLength: 4 }), (passes) => {
        const given = passes.map((one) => ({
          indices: one.map(([index]) => index),
          costsMs: one.map(([, ms]) => ms),
        }));
        const least = warmCosts(given);
        const workMs = given
          .flatMap(({ indices }) => indices)
          .reduce((sum, i) => sum + (least.get(i) ?? 0), 0);
        const found = warmingMs(given);
        assert.ok(found >= 0 && found <= workMs + 1e-6, `${found} of ${workMs}`);
      }),
    );
  });
});

describe('documents that run until they are warm', () => {
  /** An engine whose documents of 1 ms cost more at first. */
  const engine = (factor: Factor) => {
    let workMs = 0;
    const asked: (readonly number[])[] = [];
    const run = async (indices: readonly number[]) => {
      asked.push(indices);
      return indices.map(() => factor(workMs++));
    };
    return { asked, run };
  };

  const passesOf = async (factor: Factor, again: readonly number[], maxMs = 60_000) => {
    const { asked, run } = engine(factor);
    const first = wholePass(await run(documents));
    const second = { indices: again, costsMs: await run(again) };
    const passes = await runUntilWarm([first, second], run, maxMs);
    assert.equal(passes.length, asked.length);
    return passes;
  };

  it('do not run again where the second pass has cost as much', async () => {
    assert.equal((await passesOf(() => 1, documents)).length, 2);
  });

  it('run again until a pass is no cheaper than the one before', async () => {
    const passes = await passesOf(cold(1200), documents);
    assert.ok(passes.length >= 4 && passes.length <= 5, `${passes.length} passes`);
    assert.ok([...warmCosts(passes).values()].every((ms) => ms === 1));
    assert.ok(warmingMs(passes) >= 1000);
  });

  it('run several times in a pass where they are few, because a short pass is hardly cheaper', async () => {
    const few = documents.slice(0, 10);
    // As measured of a parser of TypeScript: 5.7, 3.6, 2.9, 2.0, 1.5, 1.4 and 1.3 by each 100 ms of work.
    const { run } = engine((workMs) => 1 + 4.7 * Math.exp(-workMs / 200));
    const first = wholePass(await run(few));
    const passes = await runUntilWarm([first, { indices: few, costsMs: await run(few) }], run, 60_000);
    assert.ok(passes.slice(2).every(({ costsMs }) => costsMs.length >= 100));
    assert.ok(warmingMs(passes) >= 400, `${warmingMs(passes)} ms`);
  });

  it('end after the given time, however much cheaper they become', async () => {
    assert.equal((await passesOf((at) => 1e6 / (1 + at) ** 2, documents, 0)).length, 2);
  });

  it('include the first ones, which the code was cold for', async () => {
    const last = documents.slice(450);
    const [, , begin] = await passesOf(cold(300), last);
    assert.deepEqual(begin?.indices.slice(0, 100), documents.slice(0, 100));
    assert.ok(begin?.indices.every((index) => !last.includes(index)));
  });

  it('are the last ones that took no longer than this, and at least one', () => {
    assert.deepEqual(lastDocuments(wholePass([1, 1, 1, 1]), 2), [2, 3]);
    assert.deepEqual(lastDocuments(wholePass([1, 9]), 2), [1]);
    assert.deepEqual(lastDocuments(wholePass([]), 2), []);
  });
});
