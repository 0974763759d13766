import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { LimitAnswer } from '../../services/limit-protocol.js';
import { LimitServer, type LimitWire } from '../../services/limit-server.js';
import type { Limit } from '../../services/limits.js';
import { nextReportMs } from '../../services/shared-limits.js';
import { LimitShares } from '../../strategies/broker/limit-shares.js';
import { type OwnRedis, startRedis } from '../../strategies/broker/own-redis.js';
import { now } from '../../strategies/worker/clock.js';
import { noRedis } from '../redis.js';

it('a caller reports often while units of a short window move to it or away from it', () => {
  const second: Limit = { of: 'requests', max: 100, perMs: 1000 };
  const minute: Limit = { of: 'requests', max: 600, perMs: 60_000 };
  const rest = { units: 50, keep: 50, part: 50 };
  const gains = { units: 60, keep: 60, part: 100 };
  const gives = { units: 50, keep: 20, part: 20 };
  assert.equal(nextReportMs([second], [50], [rest]), 200);
  assert.equal(nextReportMs([second], [50], [{ ...rest, part: 80 }]), 200, 'the others have not given yet');
  assert.equal(nextReportMs([second], [50], [gains]), 50);
  assert.equal(nextReportMs([second], [50], [gives]), 50);
  assert.equal(nextReportMs([minute], [50], [gives]), 200);
  assert.equal(nextReportMs([minute, second], [50, 50], [gives, gains]), 50);
});

describe('limits that callers share', { skip: noRedis() }, () => {
  let redis: OwnRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.close());

  const connected = (count: number) =>
    Promise.all(Array.from({ length: count }, () => LimitShares.connect(redis.url)));

  it('are never more than the limit, whatever callers need, give back and leave', async () => {
    let run = 0;
    const step = fc.record({
      caller: fc.nat(3),
      need: fc.nat(12),
      gives: fc.double({ min: 0, max: 1, noNaN: true }),
      leaves: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, max) => {
          // Each run has a limit of its own. What callers had that left is not free within the run.
          const limit: Limit = { of: 'tokens', max, perMs: 100_000 + run++ };
          const pools = await connected(4);
          const units = pools.map(() => 0);
          let left = 0;
          for (const { caller, need, gives, leaves } of steps) {
            const pool = pools[caller] as LimitShares;
            const own = Math.floor((units[caller] as number) * (1 - gives));
            if (leaves && units[caller] !== 0) {
              await pool.leave([own]);
              left += own;
              units[caller] = 0;
              continue;
            }
            const { shares } = await pool.sync({ closedMs: 0, limits: [{ ...limit, units: own, need }] });
            units[caller] = shares[0]?.units as number;
            const sum = units.reduce((a, b) => a + b, left);
            assert.ok(sum <= max, `${units} and ${left} that cool down, of ${max}`);
          }
          await Promise.all(pools.map((pool) => pool.close()));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are divided by what callers need, and the gate of one closes all', async () => {
    const pools = (await connected(3)) as [LimitShares, LimitShares, LimitShares];
    const limit: Limit = { of: 'requests', max: 100, perMs: 1001 };
    const needs = [100, 100, 10];
    const units = [0, 0, 0];
    for (let round = 0; round < 3; round++)
      for (const [i, pool] of pools.entries()) {
        const report = {
          closedMs: 0,
          limits: [{ ...limit, units: units[i] as number, need: needs[i] as number }],
        };
        const { shares } = await pool.sync(report);
        if (round === 0 && i === 1)
          assert.deepEqual(shares, [{ units: 0, keep: 0, part: 50 }], 'its part is on its way');
        // It has not used what it gives back.
        units[i] = Math.min(shares[0]?.units as number, shares[0]?.keep as number);
      }
    assert.deepEqual(units, [45, 45, 10]);
    const limits = [{ ...limit, units: 45, need: 45 }];
    await pools[0].sync({ closedMs: 5000, limits });
    const { closedMs } = await pools[1].sync({ closedMs: 0, limits });
    assert.ok(closedMs > 1000 && closedMs <= 5000, `${closedMs} ms`);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('hold for the requests of two callers together', async () => {
    const uses: number[] = [];
    const pools = (await connected(2)) as [LimitShares, LimitShares];
    const callers = pools.map(
      (sharePool) => new LimitServer({ limits: [{ requests: 40, per: '400ms' }], sharePool }, now),
    );
    const endMs = now() + 2000;
    await Promise.all(callers.map((server, i) => useSlots(server, { endMs, fromMs: 300 * i, uses })));
    for (const server of callers) server.close();
    await Promise.all(pools.map((pool) => pool.close()));
    uses.sort((a, b) => a - b);
    assert.ok(uses.length > 40, `${uses.length} slots were used`);
    for (const [i, atMs] of uses.entries())
      assert.ok(
        i < 40 || atMs - (uses[i - 40] as number) >= 400,
        `${atMs - (uses[i - 40] as number)} ms for 41`,
      );
  });
});

/** A worker that uses each slot at its time, and asks for the next one. */
async function useSlots(
  server: LimitServer,
  { endMs, fromMs, uses }: { readonly endMs: number; readonly fromMs: number; readonly uses: number[] },
): Promise<void> {
  await sleep(fromMs);
  let want = 0;
  const wire: LimitWire = {
    sharesClock: true,
    send(_, { given = [] }: LimitAnswer) {
      for (const { id, atMs, untilMs } of given)
        setTimeout(
          () => {
            const usedMs = now();
            if (usedMs > untilMs) return ask({ unused: [id] });
            uses.push(usedMs);
            ask({ used: [{ id, atMs: usedMs }], done: [{ id, tookMs: 0 }] });
          },
          Math.ceil(atMs - now()) + 1,
        );
    },
  };
  const ask = (words: object) =>
    queueMicrotask(() =>
      server.receive(wire, 'w', {
        clockMs: now(),
        ...words,
        ...(now() < endMs && { wants: [{ want: want++, tokens: 0 }] }),
      }),
    );
  server.connect(wire);
  for (let i = 0; i < 20; i++) ask({});
  await sleep(endMs - now() + 150);
}
