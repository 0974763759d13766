import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Arrivals } from '../../bench/arrivals/arrivals.js';
import { minDocuments } from '../../bench/arrivals/early-stopping.js';
import { decodeMessages, encodeMessage, messageBytes } from '../../bench/arrivals/generator-protocol.js';
import { kneeOf } from '../../bench/arrivals/knee.js';
import { backlogSlope, countWithin, describeLatencies } from '../../bench/arrivals/latency.js';
import { arrivalRequest, parseLimit, parseRate } from '../../bench/arrivals/request.js';
import { scheduleOf } from '../../bench/arrivals/schedule.js';
import { searchRate } from '../../bench/arrivals/search.js';
import { type ArrivalRow, arrivalTable } from '../../bench/tables/arrival-columns.js';
import { summariseArrivals } from '../../bench/tables/arrival-summary.js';
import type { Document } from '../../workloads/workload.js';
import { made } from '../rows.js';

const documents: Document[] = ['a', 'b', 'c'].map((id, index) => ({
  index,
  id,
  size: 0,
  bytes: new Uint8Array(),
}));

function arrivalsOf(schedule: readonly number[], accept: number | null = null): Arrivals {
  return new Arrivals({
    documents,
    fresh: (same) => same,
    schedule: Float64Array.from(schedule),
    startMs: 1000,
    accept,
  });
}

describe('schedules', () => {
  it('the same options give the same instants, and another seed others', () => {
    const options = { pattern: 'poisson', rate: 100, documents: 1000, seed: 1 } as const;
    assert.deepEqual(scheduleOf(options), scheduleOf(options));
    assert.notDeepEqual(scheduleOf(options), scheduleOf({ ...options, seed: 2 }));
  });

  it('a faster schedule of the same seed is the same schedule, compressed', () => {
    const slow = scheduleOf({ pattern: 'poisson', rate: 50, documents: 100, seed: 3 });
    const fast = scheduleOf({ pattern: 'poisson', rate: 100, documents: 100, seed: 3 });
    for (const [i, ms] of fast.entries()) assert.ok(Math.abs(2 * ms - (slow[i] as number)) < 1e-6);
  });

  it('Poisson gaps have the mean and the spread of an exponential distribution', () => {
    const schedule = scheduleOf({ pattern: 'poisson', rate: 1000, documents: 200_000, seed: 5 });
    const gaps = schedule.map((ms, i) => ms - (schedule[i - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    assert.ok(Math.abs(mean - 1) < 0.02, `${mean}`);
    assert.ok(Math.abs(deviation - 1) < 0.02, `${deviation}`);
    assert.deepEqual([...scheduleOf({ pattern: 'constant', rate: 100, documents: 3, seed: 1 })], [0, 10, 20]);
  });
});

describe('arrivals', () => {
  it('latency runs from the instant at which a document was due, however late it was sent or given', () => {
    const arrivals = arrivalsOf([0, 10, 20]);
    assert.equal(arrivals.give(), null);
    arrivals.arrive(2, 1025); // 25 and 15 ms late
    assert.equal(arrivals.give()?.value.id, 'a');
    assert.equal(arrivals.give()?.value.id, 'b');
    assert.equal(arrivals.give(), null);
    arrivals.settle(1, { atMs: 1100, ok: true });
    arrivals.settle(0, { atMs: 1200, ok: false });
    arrivals.arrive(3, 1201);
    arrivals.give();
    assert.equal(arrivals.give()?.done, true);
    arrivals.settle(2, { atMs: 1300, ok: true });
    const { dueMs, doneMs, lateMs, isOk, refused } = arrivals.arrived;
    assert.deepEqual([...doneMs.map((ms, i) => ms - (dueMs[i] as number))], [200, 90, 280]);
    assert.deepEqual([...lateMs], [25, 15, 181]);
    assert.deepEqual([...isOk], [0, 1, 1]);
    assert.equal(refused, 0);
  });

  it('a trial that is stopped gives no more, and what was not begun has waited until then', () => {
    const arrivals = arrivalsOf([0, 10, 20, 30, 40], 3);
    arrivals.arrive(4, 1031); // the fourth is refused
    assert.equal(arrivals.give()?.value.id, 'a');
    arrivals.stop(1500);
    assert.equal(arrivals.give()?.done, true);
    arrivals.settle(0, { atMs: 1600, ok: true });
    const { doneMs, isOk, refused, unserved } = arrivals.arrived;
    assert.deepEqual([...doneMs], [1600, 1500, 1500, Number.POSITIVE_INFINITY, 1500]);
    assert.deepEqual([...isOk], [1, 0, 0, 0, 0]);
    assert.deepEqual([refused, unserved], [1, 3]);
  });

  it('every document is given once, or refused because as many as accepted have no outcome', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('arrive' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('give' as const) }),
      fc.record({ kind: fc.constant('settle' as const), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (accept, steps) => {
        const total = 40;
        const arrivals = arrivalsOf(
          Array.from({ length: total }, (_, i) => i),
          accept,
        );
        let sent = 0;
        let [accepted, refused] = [0, 0];
        const running: number[] = [];
        let given = 0;
        let settled = 0;
        const arrive = (count: number) => {
          for (let i = 0; i < count && sent < total; i++) {
            sent++;
            if (accepted - settled < accept) accepted++;
            else refused++;
          }
          arrivals.arrive(sent, 2000);
        };
        const give = () => {
          const next = arrivals.give();
          if (given === accepted) return assert.ok(sent === total ? next?.done : next === null);
          assert.equal(next?.value.index, given);
          running.push(given++);
        };
        const settle = (pick: number) => {
          const [index] = running.splice(pick % Math.max(1, running.length), 1);
          if (index === undefined) return;
          arrivals.settle(index, { atMs: 3000, ok: true });
          settled++;
        };
        for (const one of steps) {
          if (one.kind === 'arrive') arrive(one.count);
          else if (one.kind === 'give') give();
          else settle(one.pick);
        }
        arrive(total);
        while (given < accepted) give();
        while (running.length > 0) settle(0);
        assert.equal(arrivals.arrived.refused, refused);
        assert.equal(arrivals.arrived.doneMs.filter(Number.isFinite).length, accepted);
        assert.equal(accepted + refused, total);
      }),
    );
  });

  it('messages of the generator arrive whole, however the pipe cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ noNaN: true }), fc.nat()), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 }),
        (messages, cuts) => {
          const all = Buffer.alloc(messages.length * messageBytes);
          for (const [i, [atMs, count]] of messages.entries())
            encodeMessage(all.subarray(i * messageBytes), atMs, count);
          const found: [number, number][] = [];
          let rest: Buffer = Buffer.alloc(0);
          for (let offset = 0, cut = 0; offset < all.length; cut++) {
            const size = cuts[cut % cuts.length] as number;
            const part = all.subarray(offset, offset + size);
            rest = decodeMessages(Buffer.concat([rest, part]), (atMs, count) => found.push([atMs, count]));
            offset += size;
          }
          assert.deepEqual(found, messages);
          assert.equal(rest.length, 0);
        },
      ),
    );
  });
});

describe('latencies', () => {
  it('a stall shows at its length in p99, where a closed loop would hide it', () => {
    // 1,000 documents a second for 30 s, each of 1 ms; the server halts for 1 s.
    const dueMs = scheduleOf({ pattern: 'constant', rate: 1000, documents: 30_000, seed: 1 });
    const stall = { fromMs: 10_000, endMs: 11_000 };
    let freeMs = 0;
    const doneMs = dueMs.map((due) => {
      let beginMs = Math.max(due, freeMs);
      if (beginMs >= stall.fromMs && beginMs < stall.endMs) beginMs = stall.endMs;
      freeMs = beginMs + 0.5;
      return freeMs;
    });
    const { p99Ms, p50Ms } = describeLatencies(doneMs.map((ms, i) => ms - (dueMs[i] as number)));
    assert.ok((p50Ms ?? 0) < 1 && (p99Ms ?? 0) > 650, `${p50Ms}, ${p99Ms}`);
  });

  it('a refused document is slower than every limit', () => {
    const latenciesMs = Float64Array.from([1, 2, Number.POSITIVE_INFINITY, 3]);
    const { p50Ms, p99Ms, maxMs, meanMs } = describeLatencies(latenciesMs);
    assert.deepEqual([p50Ms, p99Ms, maxMs, meanMs], [2, null, null, null]);
    assert.equal(countWithin({ latenciesMs, isOk: Uint8Array.from([1, 0, 0, 1]) }, 10), 2);
  });

  it('the backlog of a strategy that is too slow grows by what it lacks', () => {
    const dueMs = scheduleOf({ pattern: 'constant', rate: 100, documents: 1000, seed: 1 });
    const slow = dueMs.map((_, i) => (i + 1) * 12.5); // 80 documents per second
    const fast = dueMs.map((ms) => ms + 5);
    assert.ok(Math.abs(backlogSlope(dueMs, slow) - 20) < 1);
    assert.ok(Math.abs(backlogSlope(dueMs, fast)) < 0.5);
  });
});

describe('a summary of open loops', () => {
  const row = (columns: Partial<Pick<ArrivalRow, 'backlog_growth_percent' | 'documents' | 'unserved'>>) =>
    made(arrivalTable, {
      schema: 1,
      run_id: 'test',
      round: 1,
      order: 1,
      workload: 'parse',
      kind: 'cpu',
      corpus: 'docs',
      document_bytes: 1,
      strategy: 'queue',
      workers: 2,
      delivery: 'path',
      pattern: 'poisson',
      asked: '100/s',
      offered_per_second: 100,
      documents: 1000,
      status: 'ok',
      done_per_second: 100,
      outcomes_ok: 1000,
      refused: 0,
      backlog_growth_percent: 0,
      ...columns,
    });
  const behind = (...rows: ArrivalRow[]) => summariseArrivals(rows)[0]?.falls_behind;

  it('a backlog that grows by more than its scatter falls behind', () => {
    assert.equal(behind(row({ documents: 10_000, backlog_growth_percent: 2.5 })), true);
    assert.equal(behind(row({ documents: 10_000, backlog_growth_percent: 1.5 })), false);
    // Two hundred arrivals scatter by 7 %.
    assert.equal(behind(row({ documents: 200, backlog_growth_percent: 6 })), false);
    assert.equal(behind(row({ documents: 200, backlog_growth_percent: 20 })), true);
  });

  it('one schedule whose documents were not all begun is enough', () => {
    const kept = row({ documents: 10_000, backlog_growth_percent: 0, unserved: 0 });
    assert.equal(behind(kept, kept), false);
    assert.equal(behind(kept, { ...kept, unserved: 1 }), true);
  });
});

describe('limits', () => {
  it('needs as many documents as the published table of early stopping', () => {
    const at = (misses: number, quantile: number) => minDocuments({ misses, quantile, confidence: 0.99 });
    assert.deepEqual(
      [0, 1, 2, 5, 10, 20, 50].map((misses) => at(misses, 0.99)),
      [459, 662, 838, 1307, 2010, 3304, 6898],
    );
    assert.deepEqual(
      [0, 1, 2, 5, 10, 20, 50].map((misses) => at(misses, 0.95)),
      [90, 130, 165, 259, 398, 656, 1372],
    );
  });

  it('the knee of exact shares is where the allowed share is reached', () => {
    const probes = [50, 60, 70, 80].map((rate) => ({
      rate,
      documents: 1e6,
      misses: Math.round(1e6 * 0.01 * (rate / 65) ** 6),
    }));
    const { knee, low, high } = kneeOf(probes, 0.01);
    assert.ok(Math.abs(knee - 65) < 0.2, `${knee}`);
    assert.ok(low <= knee && knee <= high);
  });

  it('a search says when the limit is kept up to full load, and when at no rate', async () => {
    const always = await searchRate({
      quantile: 0.99,
      capacity: 100,
      documentsAt: () => 1000,
      probe: async (rate) => ({ rate, documents: 1000, misses: 0 }),
    });
    assert.deepEqual([always.confirmed, always.broken], [100, null]);
    const never = await searchRate({
      quantile: 0.99,
      capacity: 100,
      documentsAt: () => 1000,
      probe: async (rate) => ({ rate, documents: 1000, misses: 1000 }),
    });
    const sometimes = await searchRate({
      quantile: 0.99,
      capacity: 100,
      documentsAt: () => 1000,
      probe: async (rate, seed) => ({ rate, documents: 1000, misses: seed > 3 ? 50 : 0 }),
    });
    assert.deepEqual([sometimes.confirmed, sometimes.broken], [null, 100], 'full load was not confirmed');
    assert.equal(never.confirmed, null);
    assert.ok((never.broken ?? 0) < 20);
  });

  it('a confirmation is tried at a lower rate where documents are few', async () => {
    const confirmedWith = async (documents: number) => {
      const found = await searchRate({
        quantile: 0.99,
        capacity: 100,
        documentsAt: () => documents,
        probe: async (rate) => ({
          rate,
          documents,
          misses: Math.min(documents, Math.floor(documents * 0.01 * (rate / 60) ** 6)),
        }),
      });
      assert.ok(Math.abs(found.knee / 60 - 1) < 0.05, `${found.knee}`);
      assert.ok(found.confirmed !== null && found.confirmed < found.knee);
      return found.confirmed;
    };
    assert.ok((await confirmedWith(800)) < (await confirmedWith(8_000)));
  });

  it('rates, limits and stray options are checked', () => {
    assert.deepEqual(parseRate('80%'), { asked: '80%', share: 0.8 });
    assert.deepEqual(parseRate('200/s'), { asked: '200/s', perSecond: 200 });
    assert.deepEqual(parseLimit('p99.9 < 1.5s'), { text: 'p99.9<1.5s', quantile: 99.9 / 100, ms: 1500 });
    for (const text of ['80', '0/s', '-1%', 'x'])
      assert.throws(() => parseRate(text), /--rate: expected rates like 80%/);
    for (const text of ['p99', 'p100<1s', '99<1s']) assert.throws(() => parseLimit(text), /--slo: expected/);
    assert.throws(() => arrivalRequest({ rate: '80%' }), /--rate says how documents arrive/);
    assert.equal(arrivalRequest({}), null);
    assert.deepEqual(arrivalRequest({ slo: 'p99<200ms' })?.rates, []);
  });
});
