import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { callsOf, maxPasses } from '../../bench/measure/calls.js';
import { type Configuration, nameOf } from '../../bench/pick/configurations.js';
import { blockOrder } from '../../bench/pick/race/block.js';
import { raceCallsOf } from '../../bench/pick/race/calls.js';
import type { RaceOptions } from '../../bench/pick/race/options.js';
import { race } from '../../bench/pick/race/race.js';
import { finals, screening, slowFirst, usualFirst } from '../../bench/pick/race/timings.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import { strategies as entries } from '../../strategies/index.js';
import { trial } from '../rows.js';
import { baseline, computing, configurations, corpus, strategies, waiting } from './support.js';

/** Runs a race on a simulated clock: a trial's rate is that of its configuration, with noise. */
async function raced(
  rate: (configuration: Configuration) => number,
  {
    noise = 0.02,
    budgetMs = 100_000,
    seed = 1,
    kind = 'cpu',
    ...more
  }: Partial<RaceOptions> & { noise?: number; budgetMs?: number; kind?: string } = {},
) {
  const random = xoroshiro128plus(seed);
  const wobble = () => Math.exp(noise * (((random.next() >>> 0) / 2 ** 32) * 2 - 1) * 1.7);
  let nowMs = 0;
  const kept: TrialRow[] = [];
  const result = await race({
    configurations: configurations(kind, kind === 'cpu' ? computing : waiting),
    baseline: baselineName,
    untilMs: budgetMs,
    clock: () => nowMs,
    cores: 2,
    seed,
    timing,
    measure: async ({ cell }, { block, order, timing }) => {
      nowMs += 300 + timing.timeMs + timing.warmupMs;
      const { strategy, workers, delivery } = cell;
      const documents_per_second = rate({ cell, maxRate: 0 }) * wobble();
      return trial({
        strategy: strategy.strategy.name,
        workers,
        delivery,
        per_worker: cell.perWorker ?? null,
        corpus: 'docs',
        workload: 'w',
        round: block,
        order,
        documents_per_second,
        wall_ms: timing.timeMs,
      });
    },
    keep: (row) => kept.push(row),
    violations: async () => new Map(),
    say: () => {},
    signal: new AbortController().signal,
    ...more,
  });
  return { ...result, kept, tookMs: nowMs };
}

/** Later strategies in the list are faster; two workers of one that scales do 1.9 times the work of one. */
function speed({ cell: { strategy, workers } }: Configuration): number {
  const { name, concurrency, scales } = strategy.strategy;
  const place = strategies.findIndex((other) => other.name === name);
  if (!scales || concurrency === 'in flight') return 1000 - 10 * place;
  return (1000 * (1 + 0.15 * place)) / (workers === 1 ? 1.9 : 1);
}
const everyStrategy = await loadStrategies(entries.map(({ url }) => url));
const half = { taskMs: 10, cpuMs: 5, loopMs: 5 };
const baselineName = `${baseline.name} 1 none`;
const fastest = strategies.at(-1) as (typeof strategies)[number];
const screeningMs = screening.timeMs + screening.warmupMs;
const timing = { screening, final: finals[0], firstBlock: usualFirst };
const bestName = `${fastest.name} 2 ${fastest.deliveries[0]}`;

describe('a race', () => {
  it('calls the task no more often than it may', async () => {
    const racing = configurations('io', waiting);
    const { least } = raceCallsOf(racing, { timing, cores: 2 });
    for (const maxCalls of [least, 20 * least, 100 * least]) {
      let calls = 0;
      const measure: RaceOptions['measure'] = async ({ cell }, { block, order, timing }) => {
        const passes = maxPasses(cell, timing, 2);
        calls += callsOf(cell, timing, { cores: 2, round: block, passes });
        const { strategy, workers, delivery } = cell;
        const names = { strategy: strategy.strategy.name, workers, delivery, corpus: 'docs', workload: 'w' };
        return trial({ ...names, round: block, order, passes, documents_per_second: 100 * workers });
      };
      const { trials } = await raced(speed, { kind: 'io', maxCalls, measure });
      assert.ok(calls <= maxCalls, `${calls} of ${maxCalls}`);
      assert.ok(trials.length >= 1);
    }
  });

  it('keeps the best to the end and lets the others go with a reason, whatever the seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { finalists, left, finalBlocks } = await raced(speed, { seed });
      assert.ok(
        finalists.map(nameOf).some((name) => name.startsWith(`${fastest.name} 2`)),
        `seed ${seed}`,
      );
      assert.ok(left.size > 5 && finalBlocks >= 10);
      for (const reason of left.values()) assert.match(reason, /slower|out of reach|not among/);
    }
  });

  it('leaves at least a third of the time to the final where nothing is slower', async () => {
    for (const budgetMs of [15_000, 25_000, 50_000, 100_000]) {
      const { finalBlocks, kept } = await raced(() => 1000, { budgetMs, kind: 'cpu' });
      const blocks = Math.max(...kept.map(({ round }) => round));
      const screened = kept.filter(({ round }) => round <= blocks - finalBlocks).length;
      const shareOfScreening = (screened * (300 + screeningMs)) / budgetMs;
      assert.ok(shareOfScreening <= 2 / 3, `${shareOfScreening} of ${budgetMs} ms`);
      assert.ok(finalBlocks >= 1);
    }
  });

  it('has three blocks of the baseline and the best, and of two others where the time allows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 9_000, max: 60_000 }), fc.integer(), async (budgetMs, seed) => {
        const { kept, finalists, left } = await raced(speed, { budgetMs, seed });
        const blocksOf = (name: string) => kept.filter((row) => configurationName(row) === name).length;
        const names = finalists.map(nameOf);
        assert.ok(names.length >= 2 && names.includes(baselineName), names.join());
        for (const name of names) assert.ok(blocksOf(name) >= 3, `${name}: ${blocksOf(name)} blocks`);
        // The first block left the time for two others: none of them had to make room.
        const madeRoom = [...left.values()].includes('dropped because the time was short');
        assert.ok(budgetMs < 16_000 || !madeRoom, `${budgetMs} ms`);
      }),
      { numRuns: 100 },
    );
  });

  it('has more blocks, and fewer configurations in the first, if the task is slow to warm up', async () => {
    const long = { ...finals[0], warmupMs: 2500 };
    for (const budgetMs of [50_000, 55_000, 60_000]) {
      const [usual, slow] = await Promise.all(
        [usualFirst, slowFirst].map(async (firstBlock) => {
          const { kept } = await raced(speed, {
            budgetMs,
            timing: { screening: { ...long, screening: true }, final: long, firstBlock },
          });
          const rounds = kept.map(({ round }) => round);
          return { first: rounds.filter((round) => round === 1).length, blocks: Math.max(...rounds) };
        }),
      );
      assert.ok(usual !== undefined && slow !== undefined);
      assert.ok(slow.first < usual.first, `${slow.first} and ${usual.first} configurations`);
      assert.ok(slow.blocks > usual.blocks, `${slow.blocks} and ${usual.blocks} blocks`);
    }
  });

  it('is over in time, but for the trial that is under way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1000, max: 120_000 }), fc.integer(), async (budgetMs, seed) => {
        const { tookMs, kept } = await raced(speed, { budgetMs, seed, noise: 0.3 });
        assert.ok(kept.length >= 1);
        assert.ok(tookMs <= budgetMs + 1000, `${tookMs} of ${budgetMs}`);
      }),
      { numRuns: 50 },
    );
  });

  it('measures every remaining configuration once per block, in another order each time', async () => {
    const { kept } = await raced(speed);
    const blocks = new Map<number, string[]>();
    for (const { round, strategy, workers, delivery } of kept)
      blocks.set(round, [...(blocks.get(round) ?? []), `${strategy} ${workers} ${delivery}`]);
    for (const names of blocks.values()) assert.equal(new Set(names).size, names.length);
    const last = [...blocks.values()].slice(-8).map((names) => names.join());
    assert.ok(new Set(last).size > 1);
  });

  it('goes on measuring a baseline that may not be chosen, and does not compare with it', async () => {
    const barred = async () => new Map([[baselineName, 'isolation: it runs on the caller’s thread']]);
    const { finalists, left } = await raced(
      (one) => (one.cell.strategy.strategy.baseline ? 10_000 : speed(one)),
      { violations: barred },
    );
    const names = finalists.map(nameOf);
    assert.ok(
      names.includes(baselineName) && names.some((name) => name.startsWith(`${fastest.name} 2`)),
      names.join(),
    );
    assert.ok(![...left.values()].some((reason) => reason.includes(baseline.name)));
  });

  it('keeps what needs the least CPU time where a rate is demanded, however slow it is', async () => {
    // `thread-pool` with one worker has a tenth of the best rate, and needs a hundredth of the CPU time.
    const isFrugal = ({ cell: { strategy, workers } }: Pick<Configuration, 'cell'>) =>
      strategy.strategy.name === 'thread-pool' && workers === 1;
    const rate = (one: Configuration) => (isFrugal(one) ? 100 : speed(one));
    const measure: RaceOptions['measure'] = async (one, { block, order, timing }) =>
      trial({
        strategy: one.cell.strategy.strategy.name,
        workers: one.cell.workers,
        delivery: one.cell.delivery,
        corpus: 'docs',
        workload: 'w',
        round: block,
        order,
        documents_per_second: rate(one),
        wall_ms: timing.timeMs,
        cpu_user_ms: isFrugal(one) ? 1 : 100,
        cpu_system_ms: 0,
      });
    let nowMs = 0;
    const kept = async (demandPerSecond: number | undefined) => {
      nowMs = 0;
      const { finalists } = await raced(rate, {
        measure: (one, turn) => {
          nowMs += 300 + turn.timing.timeMs + turn.timing.warmupMs;
          return measure(one, turn);
        },
        clock: () => nowMs,
        demandPerSecond,
      });
      return finalists.some(isFrugal);
    };
    assert.deepEqual([await kept(50), await kept(200), await kept(undefined)], [true, false, false]);
  });

  it('measures every strategy before a second configuration of any, whatever the seed', () => {
    const able = everyStrategy.filter(({ strategy }) => strategy.measured !== 'when named');
    const running = configurations('io', half, { strategies: able });
    const highest = Math.max(...running.map(({ maxRate }) => maxRate));
    const promising = running.filter(({ maxRate }) => maxRate === highest);
    const names = new Set(promising.map(({ cell }) => cell.strategy));
    assert.ok(names.size > 4 && promising.length > 2 * names.size);
    for (let seed = 1; seed <= 20; seed++) {
      const order = blockOrder(promising, {
        seed,
        block: 1,
        baseline: baselineName,
        baselineFirst: true,
      });
      assert.deepEqual(new Set(order), new Set(promising));
      assert.equal(new Set(order.slice(0, names.size).map(({ cell }) => cell.strategy)).size, names.size);
    }
  });

  it('measures the baseline first, unless that would leave the others no time', async () => {
    const firstOf = async (seed: number, baselineMs: number) => {
      let nowMs = 0;
      const { kept } = await raced(speed, {
        seed,
        budgetMs: 10_000,
        configurations: configurations('cpu', computing, { corpus: { ...corpus, sequentialMs: baselineMs } }),
        clock: () => nowMs,
        measure: async ({ cell }, { block, order }) => {
          const { strategy, workers, delivery } = cell;
          nowMs += 9000;
          const names = {
            strategy: strategy.strategy.name,
            workers,
            delivery,
            corpus: 'docs',
            workload: 'w',
          };
          return trial({ ...names, round: block, order, documents_per_second: 100 });
        },
      });
      return kept[0]?.strategy;
    };
    const seeds = Array.from({ length: 10 }, (_, i) => i + 1);
    const quick = await Promise.all(seeds.map((seed) => firstOf(seed, 100)));
    assert.deepEqual(new Set(quick), new Set([baseline.name]));
    const slow = await Promise.all(seeds.map((seed) => firstOf(seed, 20_000)));
    assert.ok(new Set(slow).size > 1, 'an expensive baseline has a random place');
  });

  it('says of which configurations nothing is known, and that it is the time', async () => {
    const racing = configurations('io', half);
    for (const budgetMs of [1500, 6000, 20_000, 400_000]) {
      const { notMeasured, kept, left, finalists } = await raced(() => 100, {
        configurations: racing,
        budgetMs,
      });
      const measured = new Set(kept.map((row) => configurationName(row)));
      for (const { configuration, reason } of notMeasured) {
        assert.ok(!measured.has(nameOf(configuration)));
        assert.match(reason, /no time was left|ended before/);
      }
      const bounded = [...left.values()].filter((reason) => reason.startsWith('out of reach')).length;
      assert.equal(measured.size + notMeasured.length + bounded, racing.length);
      if (budgetMs === 1500) assert.ok(notMeasured.length > 0 && finalists.length > 0);
      if (budgetMs === 400_000) assert.equal(notMeasured.length, 0);
    }
    const signal = AbortSignal.abort();
    const { notMeasured } = await raced(speed, { configurations: racing, signal });
    assert.equal(notMeasured.length, racing.length);
  });

  it('has three blocks of a baseline that is slow to measure, before it leaves', async () => {
    let nowMs = 0;
    const { kept } = await raced(speed, {
      clock: () => nowMs,
      measure: async ({ cell }, { block, order, timing }) => {
        const { strategy, workers, delivery } = cell;
        const { baseline: isBaseline, name } = strategy.strategy;
        nowMs += 300 + timing.timeMs + (isBaseline ? 900 : 0);
        const row = { strategy: name, workers, delivery, round: block, order, corpus: 'docs', workload: 'w' };
        return trial({ ...row, documents_per_second: isBaseline ? 10 : 1000, wall_ms: timing.timeMs });
      },
    });
    assert.ok(kept.filter(({ strategy }) => strategy === baseline.name).length >= 3);
  });

  it('drops what fails', async () => {
    const { left } = await raced(speed, {
      measure: async ({ cell }, { block, order }) => {
        const { strategy, workers, delivery } = cell;
        const bad = strategy.strategy === fastest;
        return trial({
          strategy: strategy.strategy.name,
          workers,
          delivery,
          round: block,
          order,
          documents_per_second: bad ? null : 100,
          status: bad ? 'failed' : 'ok',
          reason: bad ? 'died' : null,
        });
      },
      clock: (() => {
        let ms = 0;
        return () => (ms += 20);
      })(),
    });
    assert.equal(left.get(bestName), 'failed: died');
  });

  it('measures what rates beyond their own bounds have shown to be in reach', async () => {
    // The survey found twice the cost. The first two workers are beyond what two workers could reach by it.
    const racing = configurations('cpu', { taskMs: 2, cpuMs: 2, loopMs: 2 });
    const { left, kept } = await raced(({ cell }) => 1000 * cell.workers, { configurations: racing });
    const measured = new Set(kept.map((row) => configurationName(row)));
    for (const { cell, maxRate } of racing.filter(({ cell }) => cell.workers === 2)) {
      const name = nameOf({ cell, maxRate });
      assert.ok(measured.has(name), `${name}: ${left.get(name)}`);
    }
  });

  it('gives a configuration that was disturbed in its first block a second one', async () => {
    const slow = nameOf(
      configurations('cpu', computing).find(({ cell }) => cell.workers === 2) as Configuration,
    );
    let trials = 0;
    const rate = (one: Configuration) => (nameOf(one) === slow && trials++ === 0 ? 420 : 1000);
    const { kept } = await raced(rate, { budgetMs: 150_000 }); // enough for later blocks of all
    const rounds = kept.filter((row) => configurationName(row) === slow).length;
    assert.ok(rounds > 1, `${slow} had ${rounds} trial`);
  });

  it('does not measure configurations that cannot win given what a document costs alone', async () => {
    const { left, kept } = await raced(({ cell }) => (cell.workers * 1000) / waiting.taskMs, { kind: 'io' });
    const isInFlight = (name: string) =>
      strategies.some((one) => one.name === name && one.concurrency === 'in flight');
    assert.ok([...left.values()].some((reason) => reason.startsWith('out of reach')));
    assert.ok(
      kept.length > 0 && !kept.some(({ strategy, workers }) => isInFlight(strategy) && workers === 2),
    );
  });

  it('waits only briefly for a configuration that never answers, and not for others like it', async () => {
    const inFlight = strategies.find(({ concurrency }) => concurrency === 'in flight');
    assert.ok(inFlight !== undefined);
    let nowMs = 0;
    const asked: string[] = [];
    const { left, tookMs } = await raced(speed, {
      kind: 'io',
      clock: () => nowMs,
      untilMs: 40_000,
      measure: async ({ cell }, { block, order, timing, timeoutMs }) => {
        const { strategy, workers, delivery } = cell;
        const hangs = strategy.strategy.name === inFlight.name && workers > 1;
        nowMs += hangs ? timeoutMs : 300 + timing.timeMs + timing.warmupMs;
        if (hangs) asked.push(`${workers}`);
        const row = { strategy: strategy.strategy.name, workers, delivery, round: block, order };
        return hangs
          ? trial({ ...row, status: 'failed', reason: 'no answer' })
          : trial({ ...row, documents_per_second: workers * 50, wall_ms: timing.timeMs });
      },
    });
    assert.equal(asked.length, 1);
    assert.ok([...left.values()].some((reason) => reason.includes('never answered')));
    assert.ok(nowMs <= 40_000 + 1000, `${nowMs}, ${tookMs}`);
  });
});
