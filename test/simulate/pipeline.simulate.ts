import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import sequential from '../../strategies/main-thread/sequential.js';
import pipeline from '../../strategies/pipeline/pipeline.js';
import selfScheduling from '../../strategies/shared-memory/self-scheduling.js';
import type { Outcome } from '../../strategies/strategy.js';
import { documentsOf, outcomesOf } from '../support.js';
import { cost, median, rateWithin, runFor, task } from './pipeline/measured.js';

/**
 * `npm run test:pipeline`: what a pipeline reaches, against what its stages allow. It needs a quiet
 * machine. Each part prints what was expected and what came. `--test-name-pattern <words>` runs one part
 * alone.
 */
const say = (t: TestContext, what: string, expected: string, came: string) =>
  t.diagnostic(`${what}: expected ${expected}, got ${came}`);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const perSecond = (rate: number) => `${rate.toFixed(1)}/s`;
const describe = ({ rate, cpuUs }: { readonly rate: number; readonly cpuUs: number }) =>
  `${perSecond(rate)} (${cpuUs.toFixed(0)} µs of processor time)`;

/** Decisions of a steady load are counted from here on, ms. */
const settledMs = 10_000;

it('allotment: stages that wait 10, 40 and 20 ms, for 75 s', async (t) => {
  const plans = [{ waitMs: 10 }, { waitMs: 40 }, { waitMs: 20 }];
  const run = await runFor(75_000, task('three-stages.js', plans), { workers: 7 });
  for (const { atMs, line } of run.decisions) t.diagnostic(`${(atMs / 1000).toFixed(1)} s: ${line}`);
  const early = run.decisions.filter(({ atMs }) => atMs < settledMs).length;
  const late = run.decisions.length - early;
  const { rate, limit, workers } = rateWithin(run, settledMs, 74_000);
  say(t, 'workers', '1,4,2 after 3 allotments at most', `${workers} after ${early}`);
  say(t, 'allotments of the steady load', 'at most 1 a minute', `${late} in 65 s`);
  say(t, 'rate', `95 % of ${perSecond(limit)}`, `${percent(rate / limit)} (${perSecond(rate)})`);
  assert.deepEqual(workers, [1, 4, 2]);
  assert.ok(early <= 3 && late <= 1 && rate >= 0.95 * limit);
});

it('allotment: 17 and 21 ms, and workers of the second stage need 1 s to start', async (t) => {
  const plans = [{ waitMs: 17 }, { waitMs: 21, setupMs: 1000 }];
  const run = await runFor(16_000, task('two-stages.js', plans), { workers: 16 });
  for (const { atMs, line } of run.decisions) t.diagnostic(`${(atMs / 1000).toFixed(1)} s: ${line}`);
  const last = run.moments.findLast(({ stages }) => stages.some(({ starting }) => starting > 0));
  const readyMs = last?.atMs ?? 0;
  const { rate, limit, workers } = rateWithin(run, readyMs + 5000, readyMs + 10_000);
  const all = workers.reduce((sum, count) => sum + count, 0);
  say(t, 'workers', '16 in all', workers.join());
  say(t, 'rate 5 s after all are ready', `95 % of ${perSecond(limit)}`, percent(rate / limit));
  assert.ok(all === 16 && rate >= 0.95 * limit);
});

it('allotment: a stage becomes four times slower', async (t) => {
  const slowMs = 12_000;
  const plans = [
    { waitMs: 20 },
    { waitMs: 20, slowBy: 4, slowAt: Date.now() + slowMs + 300 },
    { waitMs: 20 },
  ];
  const run = await runFor(24_000, task('three-stages.js', plans), { workers: 9 });
  for (const { atMs, line } of run.decisions) t.diagnostic(`${(atMs / 1000).toFixed(1)} s: ${line}`);
  const answer = run.decisions.find(({ atMs }) => atMs > slowMs);
  const { rate, limit, workers } = rateWithin(run, slowMs + 6000, 23_500);
  const came = answer === undefined ? 'none' : `${((answer.atMs - slowMs) / 1000).toFixed(1)} s`;
  say(t, 'answer', 'within 5 s', came);
  say(t, 'rate after it', `95 % of ${perSecond(limit)}`, `${percent(rate / limit)} with ${workers}`);
  assert.ok(answer !== undefined && answer.atMs - slowMs <= 5300 && rate >= 0.95 * limit);
});

it('queue: exponential times of 20 ms, with 4 places between two stages', async (t) => {
  const plans = [
    { waitMs: 20, isRandom: true },
    { waitMs: 20, isRandom: true },
  ];
  const options = { workers: 2, configuration: { first: 1, second: 1 }, pipeline: { places: 4 } };
  const run = await runFor(60_000, task('two-stages.js', plans), options);
  const { rate, limit } = rateWithin(run, 1000, 59_000);
  const expected = 6 / 7;
  say(t, 'share of one stage alone', `${percent(expected)} within a tenth`, percent(rate / limit));
  assert.ok(Math.abs(rate / limit / expected - 1) <= 0.1);
});

it('computing: stages that compute, against self-scheduling with all stages in one worker', async (t) => {
  const workers = availableParallelism();
  const plans = [{ computeMs: 1.5 }, { computeMs: 1.5 }, { computeMs: 1.5 }];
  const ref = task('three-stages.js', plans);
  const shares: number[] = [];
  for (let round = 0; round < 5; round++) {
    const fused = await cost(selfScheduling, ref, { count: 1200, workers });
    const staged = await cost(pipeline, ref, { count: 1200, workers });
    t.diagnostic(`fused ${describe(fused)}, staged ${describe(staged)}`);
    shares.push(staged.rate / fused.rate);
  }
  say(t, 'staged ÷ fused', 'at least 90 %', percent(median(shares)));
  assert.ok(median(shares) >= 0.9);
});

it('mixed: 5 ms waiting, 5 ms computing, and a writer', async (t) => {
  const cores = availableParallelism();
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-pipeline-'));
  const setups = join(folder, 'setups');
  const nominal = await cost(selfScheduling, task('one-stage.js', [{}, { computeMs: 5 }, {}]), {
    count: 400,
    workers: cores,
  });
  const computeMs = (5 * 5 * nominal.rate) / (1000 * cores); // takes 5 ms on this machine
  const plans = [{ waitMs: 5 }, { computeMs, setups }, { waitMs: 1 }];
  const shares: number[] = [];
  for (let round = 0; round < 4; round++) {
    const limit = await cost(selfScheduling, task('one-stage.js', plans), { count: 800, workers: cores });
    rmSync(setups, { force: true });
    // Loaders are to keep all cores busy. A timer of 5 ms takes up to 6.
    const load = Math.ceil((limit.rate * 6) / 1000);
    const configuration = { load, encode: cores, write: 1 };
    const workers = load + cores + 1;
    const ref = task('three-stages.js', plans);
    const staged = await cost(pipeline, ref, { count: 800, workers, configuration });
    t.diagnostic(`computing alone ${describe(limit)}, staged ${describe(staged)} with ${load} loaders`);
    shares.push(staged.rate / limit.rate);
  }
  const loaded = readFileSync(setups, 'utf8').trim().split('\n').length;
  rmSync(folder, { recursive: true });
  say(t, 'share of the limit of the computing stage', 'at least 93 %', percent(median(shares)));
  say(t, 'setups of the computing stage', `${cores}`, `${loaded}`);
  assert.ok(median(shares) >= 0.93 && loaded === cores);
});

it('hop: values of 10 KB from one stage to the next', async (t) => {
  // Workers compile their code while they run: the longer the run, the smaller the share of that.
  const options = { count: 60_000, size: 10_240 };
  const hops: number[] = [];
  for (let round = 0; round < 7; round++) {
    const of = async (stages: number) => {
      const ref = task(`hops.js?${stages}`);
      const staged = await cost(pipeline, ref, { ...options, workers: stages });
      const whole = await cost(sequential, ref, options);
      return staged.cpuUs - whole.cpuUs;
    };
    const [short, long] = [await of(1), await of(3)];
    hops.push((long - short) / 2);
  }
  say(
    t,
    'processor time',
    'at most 5 µs',
    `${median(hops).toFixed(2)} µs (${hops.map((us) => us.toFixed(1)).join(', ')})`,
  );
  assert.ok(median(hops) <= 5);
});

it('memory: results 30 times as large, a slow writer, 64 MB', async (t) => {
  const [workers, mb, size, count] = [3, 64, 10_240, 1500];
  const bytes = 30 * size;
  // The heaps of four threads grow, too: as much where results are small.
  const small = await memoryOf({ workers, mb, size, count, bytes: 16 });
  const large = await memoryOf({ workers, mb, size, count, bytes });
  const allowedMb = mb + ((workers + 2) * (bytes + size)) / 2 ** 20;
  const thereMb = (large.there * bytes) / 2 ** 20;
  const allowed = `at most ${allowedMb.toFixed(1)} MB`;
  const grownMb = large.peakMb - small.peakMb;
  say(t, 'results that are there at a time', allowed, `${thereMb.toFixed(1)} MB`);
  say(t, 'memory beside that of small results', allowed, `${grownMb.toFixed(1)} MB`);
  t.diagnostic(`growth from rest: ${small.grownMb.toFixed(1)} MB with small results`);
  say(t, 'documents that are pulled and not emitted', `fewer than ${count / 2}`, `${large.ahead}`);
  assert.ok(thereMb <= allowedMb && grownMb <= allowedMb && large.ahead < count / 2);
});

/** Runs documents whose second stage returns this many bytes, and which a caller takes every 5 ms. */
async function memoryOf({
  workers,
  mb,
  size,
  count,
  bytes,
}: Record<'workers' | 'mb' | 'size' | 'count' | 'bytes', number>): Promise<
  Record<'there' | 'ahead' | 'peakMb' | 'grownMb', number>
> {
  const session = await pipeline.open(task('three-stages.js', [{}, { bytes }, {}]), {
    workers,
    delivery: 'clone',
    pipeline: { mb },
  });
  await outcomesOf(session, documentsOf(['warm', 'up'], size), 2);
  const restMb = process.memoryUsage.rss() / 2 ** 20;
  let [pulled, emitted, there, peakMb, ahead] = [0, 0, 0, 0, 0];
  const before = session.stages?.()[1]?.documents ?? 0;
  function* documents() {
    for (let index = 0; index < count; index++) {
      ahead = Math.max(ahead, ++pulled - emitted);
      yield { index, id: `d${index}`, size, bytes: new Uint8Array(size) };
    }
  }
  await session.run(documents(), async () => {
    there = Math.max(there, (session.stages?.()[1]?.documents ?? 0) - before - emitted);
    peakMb = Math.max(peakMb, process.memoryUsage.rss() / 2 ** 20);
    await new Promise((resolve) => setTimeout(resolve, 5));
    emitted++;
  });
  await session.close();
  return { there, ahead, peakMb, grownMb: peakMb - restMb };
}

it('heap: a full heap in each stage is one outcome', { timeout: 120_000 }, async (t) => {
  const plans = ['load', 'encode', 'write'].map((heap) => ({ heap }));
  const session = await pipeline.open(task('three-stages.js', plans), {
    workers: 4,
    delivery: 'clone',
    heapMb: 64,
  });
  const ids = ['load', 'encode', 'write'].flatMap((bad) => [bad, `good-${bad}`, `fine-${bad}`]);
  const outcomes: Outcome[] = await outcomesOf(session, documentsOf(ids), ids.length);
  await session.close();
  for (const outcome of outcomes) {
    const isBad = plans.some(({ heap }) => heap === outcome.id);
    say(t, outcome.id, isBad ? 'crashed' : 'ok', outcome.status);
    assert.equal(outcome.status, isBad ? 'crashed' : 'ok');
    if (outcome.status === 'crashed') assert.equal(outcome.error.data?.stage, outcome.id);
  }
});
