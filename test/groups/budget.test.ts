import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Budget, type Claim, opening } from '../../bench/groups/budget.js';
import { capacityOf, limitsOf, workersMb } from '../../strategies/processes/memory-share.js';

const GB = 1e9;
const claim = (name: string, given: Partial<Claim> = {}): Claim => ({
  name,
  cores: 1,
  memoryMb: 100,
  grows: false,
  isOnMainThread: false,
  ...given,
});

describe('a budget', () => {
  it('lets two groups of 1 GB run under 3 GB, and never three', () => {
    const budget = new Budget({ cores: 8, memoryBytes: 3 * GB });
    const claims = ['a', 'b', 'c'].map((name) => claim(name, { memoryMb: GB / 2 ** 20 }));
    for (const each of claims) budget.refuse(each);
    const first = opening(claims, { budget, mainThreadIsFree: true });
    assert.deepEqual([...first.keys()], ['a', 'b']);
    const [, , third] = claims as [Claim, Claim, Claim];
    assert.equal(budget.fits(third), false);
    for (const share of first.values()) budget.give(share);
    assert.ok(budget.fits(third));
  });

  it('refuses a group that would wait for ever', () => {
    assert.throws(() => new Budget({ cores: 2, memoryBytes: 50e6 }), /at least 16 MB, got -26 MB/);
    const budget = new Budget({ cores: 2, memoryBytes: 3 * GB });
    assert.throws(
      () => budget.refuse(claim('a', { cores: 3 })),
      /group "a": expected at most 2 cores.* got 3/,
    );
    assert.throws(
      () => budget.refuse(claim('a', { memoryMb: 2300 })),
      /at most 2224 MB of memory.*got 2300 MB/,
    );
  });

  it('gives what no group waits for to the groups that begin', () => {
    const budget = new Budget({ cores: 5, memoryBytes: 10 * GB });
    const claims = [claim('a', { grows: true }), claim('b'), claim('c', { grows: true })];
    const cores = [...opening(claims, { budget, mainThreadIsFree: true }).values()].map(({ cores }) => cores);
    assert.deepEqual(cores, [2, 1, 2]);
    assert.equal(budget.freeCores, 0);
  });

  it('keeps what is free for a group that waits for more', () => {
    const budget = new Budget({ cores: 4, memoryBytes: 10 * GB });
    const shares = opening([claim('a', { grows: true })], { budget, mainThreadIsFree: true, others: 1 });
    assert.deepEqual([...shares.values()], [{ cores: 1, memoryMb: 100 }]);
  });

  it('runs one group at a time on the main thread', () => {
    const budget = new Budget({ cores: 4, memoryBytes: 10 * GB });
    const claims = [claim('a', { isOnMainThread: true }), claim('b', { isOnMainThread: true }), claim('c')];
    assert.deepEqual([...opening(claims, { budget, mainThreadIsFree: true }).keys()], ['a', 'c']);
  });

  it('is never exceeded, whatever groups begin and end', () => {
    const share = fc.record({
      cores: fc.integer({ min: 1, max: 4 }),
      memoryMb: fc.integer({ min: 1, max: 2000 }),
      grows: fc.boolean(),
      isOnMainThread: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 12 }), (shares) => {
        const budget = new Budget({ cores: 4, memoryBytes: 3 * GB });
        let waiting = shares.map((given, i) => claim(String(i), given));
        while (waiting.length > 0) {
          const begun = opening(waiting, { budget, mainThreadIsFree: true });
          assert.ok(begun.size > 0, 'a group that fits the whole budget begins when all of it is free');
          const sum = [...begun.values()];
          assert.ok(sum.reduce((all, { cores }) => all + cores, 0) <= 4);
          assert.ok(sum.reduce((all, { memoryMb }) => all + memoryMb, 0) <= workersMb(3 * GB) + 1e-3);
          waiting = waiting.filter(({ name }) => !begun.has(name));
          for (const given of begun.values()) budget.give(given);
        }
        assert.equal(budget.freeCores, 4);
      }),
    );
  });
});

describe('memory for workers', () => {
  it('is 80 % of the memory without the caller', () => {
    const GiB = 2 ** 30;
    const of = { baseBytes: 120e6, workerBytes: 180e6 };
    // The example of docs/containers.md.
    assert.deepEqual(capacityOf({ ...of, memoryBytes: 2 * GiB, cores: null }), {
      workers: 8,
      bound: 'memory',
    });
    assert.deepEqual(capacityOf({ ...of, memoryBytes: 2 * GiB, cores: 4 }), { workers: 4, bound: 'cores' });
    assert.deepEqual(capacityOf({ ...of, memoryBytes: GiB / 2, cores: 4 }), { workers: 1, bound: 'memory' });
    assert.deepEqual(capacityOf({ ...of, memoryBytes: GiB / 8, cores: 4 }), { workers: 0, bound: 'memory' });
  });

  it('limits the heap of threads, and heap and size of processes', () => {
    assert.deepEqual(limitsOf(400, 'thread'), { heapMb: 400 });
    assert.deepEqual(limitsOf(400, 'process'), { heapMb: 300, memoryMb: 400 });
    assert.deepEqual(limitsOf(400, 'none'), {});
    assert.equal(limitsOf(10, 'thread'), null);
  });
});
