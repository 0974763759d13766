import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Limit, Slot } from '../../services/limits.js';
import { RateLimiter } from '../../services/rate-limiter.js';

/** Everything here is in virtual time. */

/** An answer that says nothing. */
const unknown = { tokens: null, tookMs: null };

interface Request {
  readonly arrivedMs: number;
  readonly tokens: number;
}

interface Plan {
  readonly limits: readonly Limit[];
  readonly seed: number;
  readonly requests: number;
  /** The longest time from a slot to its use. */
  readonly idleMs: number;
  /** The service needs at least this time for an answer, ms. */
  readonly serviceMs: number;
  /** A tenth of the requests, and all of some moments, are on their way for up to this time, ms. */
  readonly delayMs: number;
}

/**
 * Uses slots as fast as the limiter gives them. Requests arrive late and in any order, and what the worker
 * says arrives later still. A few workers end while they hold slots.
 */
function arrivals({ limits, seed, requests, idleMs, serviceMs, delayMs }: Plan): Request[] {
  const random = randomOf(seed);
  const limiter = new RateLimiter(limits);
  const arrived: Request[] = [];
  let events: { readonly atMs: number; readonly happen: () => void }[] = [];
  const at = (atMs: number, happen: () => void) => void events.push({ atMs, happen });
  const use = (slot: Slot, usedMs: number, tokens: number): void => {
    limiter.used(slot.id, usedMs);
    const isStalled = Math.floor(usedMs / 500) % 7 === 0 && usedMs % 500 < 200;
    const wayMs = isStalled || random() < 0.1 ? random() * delayMs : random() * 0.4 * serviceMs;
    arrived.push({ arrivedMs: usedMs + wayMs, tokens });
    const tookMs = wayMs + serviceMs * (1 + random() / 2);
    at(usedMs + tookMs + 20 * random(), () =>
      limiter.answered(slot.id, { tokens: null, tookMs }, usedMs + tookMs + 20),
    );
  };
  for (let nowMs = 1000; arrived.length < requests; ) {
    for (const { atMs, happen } of events) if (atMs <= nowMs) happen();
    events = events.filter(({ atMs }) => atMs > nowMs);
    limiter.expire(nowMs);
    const tokens = limiter.countsTokens ? 1 + Math.floor(random() * 30) : 0;
    const slot = limiter.take('w', { tokens }, nowMs);
    if ('againMs' in slot) {
      const nextMs = Math.min(...events.map(({ atMs }) => atMs));
      nowMs = Math.max(nowMs + 0.01, Math.min(nextMs, slot.againMs, nowMs + 100));
    } else {
      const usedMs = Math.max(nowMs, slot.atMs) + random() * idleMs;
      at(usedMs, random() < 0.1 ? () => limiter.returned(slot.id) : () => use(slot, usedMs, tokens));
    }
  }
  return arrived;
}

function assertKept(arrived: readonly Request[], limits: readonly Limit[]): void {
  const sorted = [...arrived].sort((a, b) => a.arrivedMs - b.arrivedMs);
  for (const { of, max, perMs } of limits) {
    let first = 0;
    let units = 0;
    for (const { arrivedMs, tokens } of sorted) {
      units += of === 'tokens' ? tokens : 1;
      while ((sorted[first] as Request).arrivedMs <= arrivedMs - perMs) {
        units -= of === 'tokens' ? (sorted[first] as Request).tokens : 1;
        first++;
      }
      assert.ok(units <= max, `${units} ${of} within ${perMs} ms`);
    }
  }
}

const limit = fc.record({
  of: fc.constantFrom<Limit['of']>('requests', 'requests', 'tokens'),
  max: fc.integer({ min: 30, max: 200 }),
  perMs: fc.constantFrom(1000, 5000, 20_000, 60_000),
});

/** There are so few answers that all of half a minute are late by chance. */
const fewAnswers: Limit[] = [
  { of: 'tokens', max: 181, perMs: 60_000 },
  { of: 'tokens', max: 98, perMs: 5000 },
];

describe('a rate limiter', () => {
  it('never lets more than a limit arrive in any window, however long requests are on their way', () => {
    fc.assert(
      fc.property(
        fc.array(limit, { minLength: 1, maxLength: 3 }),
        fc.record({
          seed: fc.integer(),
          idleMs: fc.integer({ min: 0, max: 90 }),
          serviceMs: fc.integer({ min: 1, max: 50 }),
          delayMs: fc.integer({ min: 0, max: 3000 }),
        }),
        (limits, plan) => assertKept(arrivals({ ...plan, limits, requests: 400 }), limits),
      ),
      {
        numRuns: 60,
        examples: [[fewAnswers, { seed: -337400092, idleMs: 66, serviceMs: 6, delayMs: 1769 }]],
      },
    );
  });

  for (const { text, limits, least } of [
    { text: '100 per second', limits: [{ of: 'requests', max: 100, perMs: 1000 }], least: 0.95 * 18_000 },
    { text: '600 per minute', limits: [{ of: 'requests', max: 600, perMs: 60_000 }], least: 0.98 * 1800 },
    {
      text: 'both',
      limits: [
        { of: 'requests', max: 100, perMs: 1000 },
        { of: 'requests', max: 600, perMs: 60_000 },
      ],
      least: 0.98 * 1800,
    },
  ] satisfies { text: string; limits: Limit[]; least: number }[])
    it(`uses ${text} in 180 s`, () => {
      const limiter = new RateLimiter(limits);
      let used = 0;
      for (let nowMs = 0; nowMs < 180_000; ) {
        const slot = limiter.take('w', { tokens: 0 }, nowMs);
        if ('againMs' in slot) nowMs = Math.max(nowMs + 0.1, slot.againMs);
        else {
          limiter.used(slot.id, slot.atMs);
          limiter.answered(slot.id, unknown, slot.atMs + 50);
          if (slot.atMs < 180_000) used++;
        }
      }
      assert.ok(used >= least, `${used} of at least ${least}`);
    });

  it('is refused twice at most by a service that enforces 600 a minute as 10 a second', () => {
    const limiter = new RateLimiter([{ of: 'requests', max: 600, perMs: 60_000 }]);
    let refusals = 0;
    let accepted: number[] = [];
    let underway: { readonly slot: Slot; readonly isRefused: boolean; readonly endMs: number }[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1) {
      for (const { slot, isRefused, endMs } of underway)
        if (endMs <= nowMs) {
          if (isRefused) limiter.refused(slot.id, 1000, nowMs);
          else limiter.answered(slot.id, unknown, nowMs);
        }
      underway = underway.filter(({ endMs }) => endMs > nowMs);
      while (underway.length < 8) {
        const slot = limiter.take('w', { tokens: 0 }, nowMs);
        if ('againMs' in slot) break;
        limiter.used(slot.id, slot.atMs);
        const second = Math.floor(slot.atMs / 1000);
        accepted = accepted.filter((atMs) => Math.floor(atMs / 1000) === second);
        const isRefused = accepted.length >= 10;
        if (isRefused) refusals++;
        else accepted.push(slot.atMs);
        underway.push({ slot, isRefused, endMs: slot.atMs + 50 });
      }
    }
    assert.ok(refusals > 0 && refusals <= 2, `${refusals} refusals`);
  });

  it('lets a long window begin with many requests where the service accepts them', () => {
    const limiter = new RateLimiter([{ of: 'requests', max: 600, perMs: 60_000 }]);
    let lastMs = 0;
    for (let used = 0, nowMs = 0; used < 600; ) {
      const slot = limiter.take('w', { tokens: 0 }, nowMs);
      if ('againMs' in slot) nowMs = slot.againMs;
      else {
        limiter.used(slot.id, slot.atMs);
        nowMs = slot.atMs + 10;
        limiter.answered(slot.id, unknown, nowMs);
        lastMs = slot.atMs;
        used++;
      }
    }
    assert.ok(lastMs < 20_000, `the window's requests took ${Math.round(lastMs / 1000)} s`);
  });

  it('gives the slots of a lost worker back, but not slots that it may have used', () => {
    const limits: Limit[] = [{ of: 'requests', max: 4, perMs: 60_000 }];
    const limiter = new RateLimiter(limits);
    const take = (holder: string, nowMs: number, isAdvance = false) => {
      const slot = limiter.take(holder, { tokens: 0 }, nowMs, isAdvance);
      assert.ok(!('againMs' in slot), `a slot at ${nowMs}`);
      return slot;
    };
    const used = take('lost', 0);
    limiter.used(used.id, used.atMs);
    limiter.answered(used.id, unknown, 5);
    take('lost', 20_000);
    take('lost', 40_000, true);
    limiter.lost('lost', 40_010);
    take('other', 40_020);
    const last = take('other', 60_000);
    assert.ok(last.atMs <= 60_400, 'the slot that was not used was free again');
    const next = limiter.take('other', { tokens: 0 }, 60_010);
    assert.ok('againMs' in next || next.atMs >= 60_000, 'the first one and the advance count');
  });

  it('uses the units that it has of a share at the pace of the whole share', () => {
    const limiter = new RateLimiter([{ of: 'requests', max: 100, perMs: 1000 }]);
    limiter.share([10], [50]);
    let nowMs = 1000;
    for (let i = 0; i < 10; i++) {
      const slot = limiter.take('w', { tokens: 0 }, nowMs);
      assert.ok(!('againMs' in slot));
      limiter.used(slot.id, slot.atMs);
      nowMs = slot.atMs;
    }
    assert.ok(
      nowMs > 1100 && nowMs < 1200,
      `ten of fifty a second take a fifth of it, got ${nowMs - 1000} ms`,
    );
    assert.ok('againMs' in limiter.take('w', { tokens: 0 }, nowMs + 300), 'it has no more than ten');
  });

  it('waits as long as the service asks, and not longer for another refusal of the same time', () => {
    const limiter = new RateLimiter([{ of: 'requests', max: 100, perMs: 1000 }]);
    limiter.refused(null, 30_000, 0);
    limiter.refused(null, 29_000, 10);
    assert.deepEqual(limiter.take('w', { tokens: 0 }, 20), { againMs: 29_900 });
    const slot = limiter.take('w', { tokens: 0 }, 29_950);
    assert.ok(!('againMs' in slot) && slot.atMs === 30_000);
  });

  it('waits for a budget that the service reports to be nearly used up by others', () => {
    const limiter = new RateLimiter([{ of: 'requests', max: 600, perMs: 60_000 }]);
    limiter.observed({ of: 'requests', max: 600, remaining: 0, resetMs: 60_000 }, 0);
    const slot = limiter.take('w', { tokens: 0 }, 0);
    assert.ok(!('againMs' in slot) && slot.atMs === 100, 'one of 600 is there after a tenth of a second');
  });
});

/** Park and Miller's generator. */
function randomOf(seed: number): () => number {
  let state = (Math.abs(seed) % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
