import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scheduleOf } from '../../bench/arrivals/schedule.js';
import { type ProbeSchedule, searchRate } from '../../bench/arrivals/search.js';
import { typicalSeed } from '../../bench/arrivals/typical-schedule.js';
import { mean, squares } from '../../bench/stats/estimate.js';
import { kneeOfMD1, singleServer } from './queue-theory.js';

/** The search on a virtual clock: a server with equal service times whose knee is known. */

/** The long form, a part of `npm run test:queues`, has 100 sets of five searches. */
const runs = process.env.FORKWISE_QUEUES === 'long' ? 500 : 10;
const [capacity, quantile, serviceTimes] = [191, 0.99, 5];
const knee = capacity * kneeOfMD1(serviceTimes, quantile);
const documentsAt = (rate: number) => Math.round(13.5 * rate);

function missesAt(rate: number, seed: number): number {
  const schedule = scheduleOf({ pattern: 'poisson', rate, documents: documentsAt(rate), seed });
  const limitMs = (serviceTimes * 1000) / capacity;
  return singleServer(schedule, 1000 / capacity).filter((ms) => ms > limitMs).length;
}

function seedOf(rate: number, seed: number): number {
  const documents = documentsAt(rate);
  return typicalSeed({ pattern: 'poisson', rate, documents, seed, quantile, capacity, workers: 1 });
}

async function search(run: number) {
  const schedules: ProbeSchedule[] = [];
  const found = await searchRate({
    quantile,
    capacity,
    documentsAt,
    probe: async (rate, number, schedule) => {
      schedules.push(schedule);
      const any = run * 1000 + number;
      const seed = schedule === 'any' ? any : seedOf(rate, any);
      return { rate, documents: documentsAt(rate), misses: missesAt(rate, seed) };
    },
  });
  return { ...found, schedules };
}

describe('the search for the highest rate', () => {
  it('comes within 5 % of the knee of M/D/1, and five searches differ by at most 8 %', async () => {
    const found = await Promise.all(Array.from({ length: runs }, (_, run) => search(run + 1)));
    const knees = found.map((one) => one.knee / knee);
    const sets = Array.from({ length: runs / 5 }, (_, i) => knees.slice(5 * i, 5 * i + 5));
    const good = sets.filter(
      (set) =>
        set.every((one) => Math.abs(one - 1) <= 0.05) &&
        Math.max(...set) - Math.min(...set) <= 0.08 * mean(set),
    );
    assert.ok(good.length >= 0.95 * sets.length, `${good.length} of ${sets.length} sets of five`);
    const around = found.filter(({ low, high }) => low <= knee && knee <= high);
    assert.ok(around.length >= 0.8 * runs, `${around.length} of ${runs} intervals have the knee`);
    const confirmed = found.flatMap((one) => one.confirmed ?? []);
    assert.ok(confirmed.length >= 0.7 * runs, `${confirmed.length} of ${runs} searches confirmed a rate`);
    assert.ok(confirmed.every((rate) => rate < knee));
  });

  it('confirms with schedules that were not chosen', async () => {
    const { schedules } = await search(1);
    assert.deepEqual(schedules.slice(-3), ['any', 'any', 'any']);
    assert.ok(schedules.slice(0, -3).every((schedule) => schedule === 'typical'));
  });

  it('typical schedules have as many misses as others, with less scatter', () => {
    const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
    const any = seeds.map((seed) => missesAt(knee, seed));
    const typical = seeds.map((seed) => missesAt(knee, seedOf(knee, seed)));
    const expected = documentsAt(knee) * (1 - quantile);
    assert.ok(Math.abs(mean(typical) / expected - 1) < 0.1, `${mean(typical)} misses, not ${expected}`);
    assert.ok(squares(typical) < squares(any) / 4);
  });
});
