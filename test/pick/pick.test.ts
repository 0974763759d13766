import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { type Arm, armsOf, levels, timesOver } from '../../bench/pick/arms.js';
import { type Constraints, unconstrained } from '../../bench/pick/constraints.js';
import { type Decided, type Decision, decide } from '../../bench/pick/decide.js';
import { Evidence, upper } from '../../bench/pick/evidence.js';
import { limitsUnder } from '../../bench/pick/limits.js';
import { nameOf, type RaceOptions, race } from '../../bench/pick/race.js';
import { verdict } from '../../bench/pick/words.js';
import type { TrialRow } from '../../bench/tables/columns.js';
import type { ResponsivenessRow } from '../../bench/tables/responsiveness-columns.js';
import { summarise } from '../../bench/tables/summarise.js';
import type { PreparedCorpus, PreparedWorkload } from '../../bench/trials/plan.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies as entries } from '../../strategies/index.js';
import { isolates } from '../../strategies/strategy.js';
import { trial } from '../rows.js';
import { environmentOf, trialsOf } from '../runs.js';

const loaded = await loadStrategies(entries.map(({ url }) => url));
const strategies = loaded.map(({ strategy }) => strategy);
const corpus = {
  name: 'docs',
  documents: 200,
  bytes: 2_000_000,
  sequentialMs: 200,
  file: {},
  hash: '',
  profile: { documents: 200 },
} as unknown as PreparedCorpus;
const workloadOf = (kind: string) =>
  ({ kind, ref: { name: 'w', url: '', options: {} }, corpora: [corpus] }) as unknown as PreparedWorkload;

function arms(
  kind: string,
  grain: { taskMs: number; cpuMs: number; loopMs: number },
  cores = 2,
  options: Partial<Constraints> = {},
): Arm[] {
  return armsOf({
    workload: workloadOf(kind),
    corpus,
    strategies: loaded,
    grain,
    cores,
    isolation: 'none',
    maxMemoryBytes: null,
    ...options,
  });
}

const computing = { taskMs: 1, cpuMs: 1, loopMs: 1 };
const waiting = { taskMs: 20, cpuMs: 0.2, loopMs: 0.1 };

describe('arms', () => {
  it('never give work that computes more workers than there are cores', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 64, noNaN: true }), (cores) => {
        for (const { cell } of arms('cpu', computing, cores))
          assert.ok(cell.workers <= Math.max(1, Math.floor(cores)), nameOf({ cell, bound: 0 }));
      }),
    );
  });

  it('give work that waits enough in flight on one thread, and few processes', () => {
    const tried = arms('io', waiting);
    assert.equal(
      Math.max(
        ...tried
          .filter(({ cell }) => cell.strategy.strategy.name === 'async')
          .map(({ cell }) => cell.workers),
      ),
      64,
    );
    assert.ok(tried.every(({ cell }) => cell.strategy.strategy.isolation === 'none' || cell.workers <= 16));
  });

  it('have several in flight on one thread where Node computes on threads of its own', () => {
    const async = (loopMs: number) =>
      arms('cpu', { taskMs: 4, cpuMs: 4, loopMs }).filter(
        ({ cell }) => cell.strategy.strategy.name === 'async',
      ).length;
    assert.equal(async(4), 1);
    assert.ok(async(0.5) > 3);
  });

  it('keep to the asked-for isolation, apart from the baseline', () => {
    const names = new Set(
      arms('cpu', computing, 2, { isolation: 'process' }).map(({ cell }) => cell.strategy.strategy.name),
    );
    assert.deepEqual([...names], ['sequential', 'process-pool', 'queue']);
    assert.deepEqual(
      [isolates('thread', 'none'), isolates('thread', 'process'), isolates('process', 'thread')],
      [true, false, true],
    );
  });

  it('do not try what cannot fit into the memory, and share out what there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1e6, max: 4e9 }), fc.integer({ min: 1, max: 64 }), (bytes, workers) => {
        const limits = limitsUnder(bytes, { isolation: 'process', workers });
        if (limits !== null) assert.ok(workers * (limits.memoryMb as number) * 2 ** 20 <= 0.8 * bytes);
      }),
    );
    assert.deepEqual(
      arms('cpu', computing, 8, { maxMemoryBytes: 90e6 }).filter(
        ({ cell }) => cell.strategy.strategy.isolation !== 'none',
      ),
      [],
    );
  });

  it('take every document equally often, or a subset of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 3 }),
        (unique, wanted, times) => {
          const found = timesOver(unique, { wanted, most: times * unique });
          if (found < unique) assert.ok(found === wanted && 2 * wanted < unique);
          else
            assert.ok(
              found % unique === 0 && found <= times * unique && (found <= 2 * wanted || found === unique),
            );
        },
      ),
    );
  });

  it('of dear documents take fewer, when a block of them would take longer than it may', () => {
    const dear = { taskMs: 2000, cpuMs: 2000, loopMs: 2000 };
    const documents = (blockMs: number) =>
      armsOf({
        ...{
          workload: workloadOf('cpu'),
          corpus,
          strategies: loaded,
          grain: dear,
          cores: 2,
          isolation: 'none',
          maxMemoryBytes: null,
        },
        blockMs,
      })
        .filter(({ cell }) => cell.workers === 2)
        .map(({ cell }) => cell.corpus.documents);
    assert.deepEqual(new Set(documents(1e6)), new Set([8]));
    assert.deepEqual(new Set(documents(1)), new Set([2]));
  });

  it('double until the most that helps', () => {
    assert.deepEqual(
      levels({ isolation: 'process' }, { kind: 'cpu', grain: computing, cores: 6 }),
      [1, 2, 4, 6],
    );
    assert.deepEqual(levels({ isolation: 'none' }, { kind: 'cpu', grain: computing, cores: 6 }), [1]);
  });
});

/** A race over made-up arms on a made-up clock: a trial's rate is its arm's, with noise. */
async function raced(
  rate: (arm: Arm) => number,
  {
    noise = 0.02,
    budgetMs = 60_000,
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
    ...{
      arms: arms(kind, kind === 'cpu' ? computing : waiting),
      untilMs: budgetMs,
      clock: () => nowMs,
      cores: 2,
      seed,
    },
    measure: async ({ cell }, { block, order, timing }) => {
      nowMs += 300 + timing.timeMs + timing.warmupMs;
      const { strategy, workers, delivery } = cell;
      const documents_per_second = rate({ cell, bound: 0 }) * wobble();
      return trial({
        strategy: strategy.strategy.name,
        workers,
        delivery,
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

const speeds: Record<string, number> = {
  sequential: 1000,
  async: 990,
  'thread-pool': 1300,
  'process-pool': 1100,
  partitioned: 1850,
  'self-scheduling': 1900,
  queue: 1700,
};
const speed = ({ cell: { strategy, workers } }: Arm) =>
  (speeds[strategy.strategy.name] as number) /
  (strategy.strategy.scales && strategy.strategy.isolation !== 'none' && workers === 1 ? 1.9 : 1);

describe('a race', () => {
  it('keeps the best to the end and lets the others go with a reason, whatever the seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { finalists, left, finalBlocks } = await raced(speed, { seed });
      assert.ok(finalists.map(nameOf).includes('self-scheduling 2 shared'), `seed ${seed}`);
      assert.ok(left.size > 5 && finalBlocks >= 10);
      for (const reason of left.values()) assert.match(reason, /slower|out of reach|halved|not among/);
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

  it('measures every arm that is left once a block, in another order each time', async () => {
    const { kept } = await raced(speed);
    const blocks = new Map<number, string[]>();
    for (const { round, strategy, workers, delivery } of kept)
      blocks.set(round, [...(blocks.get(round) ?? []), `${strategy} ${workers} ${delivery}`]);
    for (const names of blocks.values()) assert.equal(new Set(names).size, names.length);
    const last = [...blocks.values()].slice(-8).map((names) => names.join());
    assert.ok(new Set(last).size > 1);
  });

  it('goes on measuring a baseline that may not be chosen, and does not compare with it', async () => {
    const barred = async () => new Map([['sequential 1 none', 'isolation: nothing stands between']]);
    const { finalists, left } = await raced(
      (arm) => (arm.cell.strategy.strategy.name === 'sequential' ? 10_000 : speed(arm)),
      {
        violations: barred,
      },
    );
    const names = finalists.map(nameOf);
    assert.ok(
      names.includes('sequential 1 none') && names.includes('self-scheduling 2 shared'),
      names.join(),
    );
    assert.ok(![...left.values()].some((reason) => reason.includes('sequential')));
  });

  it('drops what fails', async () => {
    const { left } = await raced(speed, {
      measure: async ({ cell }, { block, order }) => {
        const { strategy, workers, delivery } = cell;
        const bad = strategy.strategy.name === 'queue';
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
    assert.equal(left.get('queue 2 path'), 'failed: died');
  });

  it('spares arms that cannot come near by what a document costs alone', async () => {
    const { left, kept } = await raced(({ cell }) => (cell.workers * 1000) / waiting.taskMs, { kind: 'io' });
    assert.ok([...left.values()].some((reason) => reason.startsWith('out of reach')));
    assert.ok(
      kept.length > 0 && !kept.some(({ strategy, workers }) => strategy === 'async' && workers === 2),
    );
  });
});

describe('evidence', () => {
  it('with arms that are equal, drops one by chance in few races', () => {
    const random = xoroshiro128plus(3);
    const uniform = () => (random.next() >>> 0) / 2 ** 32;
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    let dropped = 0;
    for (let i = 0; i < 300; i++) {
      const scores = Array.from({ length: 3 }, (_, b) => b + 1).flatMap((block) =>
        Array.from({ length: 12 }, (_, a) => ({ arm: String(a), block, log: 0.1 * block + 0.03 * normal() })),
      );
      const evidence = new Evidence(scores);
      const best = evidence.best(Array.from({ length: 12 }, (_, a) => String(a)));
      const worse = Array.from({ length: 12 }, (_, a) => evidence.difference(String(a), best)).filter(
        (difference) => difference !== null && upper(difference, 0.05 / 11) < 0,
      );
      if (worse.length > 0) dropped++;
    }
    // Against a best that is chosen from the data some equals go; none of that costs anybody a thing.
    assert.ok(dropped < 300 * 0.25, `${dropped} of 300`);
  });

  it('pairs by block: what a whole block suffers is nobody’s fault', () => {
    const scores = [1, 2, 3, 4].flatMap((block) => [
      { arm: 'a', block, log: block },
      { arm: 'b', block, log: block - 0.1 + 0.001 * block },
    ]);
    const difference = new Evidence(scores).difference('b', 'a');
    assert.ok(difference !== null && upper(difference, 0.01) < -0.09);
  });

  it('says nothing where nothing scatters yet', () => {
    const difference = new Evidence([
      { arm: 'a', block: 1, log: 1 },
      { arm: 'b', block: 1, log: 2 },
    ]).difference('b', 'a');
    assert.equal(difference?.error, null);
  });
});

function decided(
  constraints: Partial<Constraints> = {},
  more: { trials?: TrialRow[]; responsiveness?: ResponsivenessRow[] } = {},
): Decided {
  const trials =
    more.trials ??
    trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2],
      change: ({ round, strategy, workers }) => ({
        memory_peak_bytes: 50e6 + (strategy === 'sequential' ? 0 : workers * 30e6),
        startup_ms: 100,
        latency_p99_ms: 10 * workers + (round % 2),
      }),
    });
  const summaries = summarise(trials, {
    effectiveCores: 2,
    corpora: [{ workload: 'word-frequency', corpus: 'docs' }],
    strategies: strategies.map(({ name }) => name),
  });
  return decide({
    trials,
    summaries,
    responsiveness: more.responsiveness ?? [],
    constraints: { ...unconstrained, ...constraints },
    strategies,
  });
}

function chosen(decision: Decided): Decision {
  assert.equal(decision.state, 'chosen');
  return decision as Decision;
}

describe('a decision', () => {
  it('keeps to every constraint, and says of all others what they break', () => {
    const memory = chosen(decided({ maxMemoryBytes: 100e6 }));
    assert.ok((memory.choice.memory_peak_bytes as number) * 1.1 <= 100e6);
    assert.ok(memory.disqualified.some(({ reason }) => reason.startsWith('memory: peak 110 MB')));
    const isolated = chosen(decided({ isolation: 'process' }));
    assert.ok(['process-pool', 'queue'].includes(isolated.choice.strategy));
    assert.ok(
      isolated.disqualified.some(
        ({ cell, reason }) => cell.strategy === 'partitioned' && /only a thread/.test(reason),
      ),
    );
    const latency = chosen(decided({ latencyP99Ms: 15 }));
    assert.equal(latency.choice.workers, 1);
  });

  it('never gives work that computes more workers than cores, whatever was measured', () => {
    const trials = trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2, 8],
      change: ({ workers, strategy }) =>
        workers === 8 && strategy !== 'async' ? { documents_per_second: 1e6 } : {},
    });
    const decision = chosen(decided({}, { trials }));
    assert.ok(decision.choice.workers <= 2);
    assert.ok(decision.disqualified.some(({ reason }) => /cores: 8 workers/.test(reason)));
  });

  it('chooses nothing where nothing keeps to them', () => {
    const none = decided({ maxMemoryBytes: 1e6 });
    assert.equal(none.state, 'none');
    assert.ok(none.disqualified.length > 5);
  });

  it('counts the start where workers are started for every batch', () => {
    assert.notEqual(chosen(decided()).choice.strategy, 'sequential');
    const few = chosen(
      decided(
        { batch: 1 },
        {
          trials: trialsOf({
            corpora: { docs: 10_000 },
            rounds: 12,
            workers: [1, 2],
            change: ({ strategy }) => ({ startup_ms: strategy === 'sequential' ? 1 : 500 }),
          }),
        },
      ),
    );
    assert.equal(few.choice.strategy, 'sequential');
  });

  it('does not trust a loop delay that nobody has measured', () => {
    const first = decided({ loopDelayMs: 50 });
    assert.equal(first.state, 'none');
    const [fastest] = (first as Extract<Decided, { state: 'none' }>).untested;
    const row = (ping_p99_ms: number): ResponsivenessRow => ({
      ...(fastest as ResponsivenessRow & typeof fastest),
      pings: 300,
      ping_p50_ms: 1,
      ping_p99_ms,
      ping_max_ms: ping_p99_ms,
      documents_per_second: 1,
    });
    assert.equal(
      chosen(decided({ loopDelayMs: 50 }, { responsiveness: [row(20)] })).choice.strategy,
      fastest?.strategy,
    );
    const slow = decided({ loopDelayMs: 50 }, { responsiveness: [row(80)] });
    assert.ok(slow.disqualified.some(({ reason }) => /80 ms at the 99th percentile/.test(reason)));
  });

  it('never chooses a cell whose results were wrong', () => {
    const fastest = chosen(decided()).best;
    const trials = trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2],
      change: ({ strategy }) =>
        strategy === fastest.strategy ? { status: 'failed', digest_matches: false } : {},
    });
    const decision = chosen(decided({}, { trials }));
    assert.notEqual(decision.best.strategy, fastest.strategy);
  });

  it('is three sentences', () => {
    const decision = chosen(decided());
    const said = verdict(decision, {
      environment: environmentOf(trialsOf({ corpora: { docs: 10_000 } }), {}),
      strategies,
      isolated: null,
    });
    assert.equal(said.length, 3);
    assert.match(
      said[0] as string,
      /^Use `.*` with 2 workers: .* documents\/s \(a long new run: .* to .*\), .*× sequential/,
    );
    assert.match(said[2] as string, /flips/);
  });
});
