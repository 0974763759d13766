import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { workerCounts } from '../../bench/pick/axes.js';
import { type Configuration, nameOf } from '../../bench/pick/configurations.js';
import { limitsUnder } from '../../bench/pick/limits.js';
import { timesOver } from '../../bench/pick/pass-size.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies as entries } from '../../strategies/index.js';
import { isolates } from '../../strategies/strategy.js';
import { computing, configurations, corpus, corpusOfFiles, loaded, waiting } from './support.js';

describe('configurations', () => {
  it('never give work that computes more workers than there are cores', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 64, noNaN: true }), (cores) => {
        for (const { cell } of configurations('cpu', computing, { cores }))
          assert.ok(cell.workers <= Math.max(1, Math.floor(cores)), nameOf({ cell, maxRate: 0 }));
      }),
    );
  });

  it('give work that waits enough in flight on one thread, and few threads and processes', () => {
    const tried = configurations('io', waiting);
    const isInFlight = ({ cell }: (typeof tried)[number]) =>
      cell.strategy.strategy.concurrency === 'in flight';
    assert.equal(Math.max(...tried.filter(isInFlight).map(({ cell }) => cell.workers)), 64);
    assert.ok(tried.every((one) => isInFlight(one) || one.cell.workers <= 16));
  });

  it('have several in flight on one thread if Node computes on threads of its own', () => {
    const inFlight = (loopMs: number) =>
      configurations('cpu', { taskMs: 4, cpuMs: 4, loopMs }).filter(
        ({ cell }) => cell.strategy.strategy.concurrency === 'in flight',
      ).length;
    assert.equal(inFlight(4), 1);
    assert.ok(inFlight(0.5) > 3);
  });

  it('let workers read files, and the caller once a strategy, without doubling the race', () => {
    for (const [kind, cost] of [
      ['cpu', computing],
      ['io', waiting],
    ] as const) {
      const tried = configurations(kind, cost, { corpus: corpusOfFiles });
      for (const { strategy } of loaded) {
        const own = tried.filter(({ cell }) => cell.strategy.strategy.name === strategy.name);
        const byCaller = own.filter(({ cell }) => cell.delivery !== 'reference');
        assert.ok(own.length > byCaller.length, `${strategy.name} reads`);
        assert.equal(byCaller.length, kind === 'cpu' && strategy.isolation !== 'none' ? 1 : 0, strategy.name);
        if (strategy.baseline) assert.equal(own.length, 1);
      }
      const inMemory = configurations(kind, cost).length;
      assert.ok(tried.length < 1.5 * inMemory, `${tried.length} beside ${inMemory}`);
    }
    assert.ok(configurations('cpu', computing).every(({ cell }) => cell.delivery !== 'reference'));
  });

  it('have stages only where the task has some', async () => {
    const strategies = (await loadStrategies(entries.map(({ url }) => url))).filter(
      ({ strategy }) => strategy.measured !== 'when named',
    );
    const stages = [{ name: 'only', kind: 'cpu', ratio: 1, serviceMs: 1 }];
    const staged = { ...corpus, stages } as unknown as typeof corpus;
    const isStaged = ({ cell }: Configuration) => cell.strategy.strategy.staged === true;
    for (const kind of ['cpu', 'io']) {
      const cost = kind === 'cpu' ? computing : waiting;
      assert.ok(!configurations(kind, cost, { strategies }).some(isStaged));
      assert.ok(configurations(kind, cost, { strategies, corpus: staged }).some(isStaged));
    }
  });

  it('keep the asked isolation, apart from the baseline', () => {
    const tried = configurations('cpu', computing, { isolation: 'process' });
    const others = tried.filter(({ cell }) => !cell.strategy.strategy.baseline);
    assert.equal(tried.length, others.length + 1);
    assert.ok(others.length > 0);
    assert.ok(others.every(({ cell }) => isolates(cell.strategy.strategy.isolation, 'process')));
  });

  it('leave out what cannot fit into the memory, and share the memory out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1e6, max: 4e9 }), fc.integer({ min: 1, max: 64 }), (bytes, workers) => {
        const limits = limitsUnder(bytes, { isolation: 'process', workers });
        if (limits !== null) assert.ok(workers * (limits.memoryMb as number) * 2 ** 20 <= 0.8 * bytes);
      }),
    );
    const tried = configurations('cpu', computing, { cores: 8, maxMemoryBytes: 90e6 });
    assert.ok(tried.every(({ cell }) => cell.strategy.strategy.isolation === 'none'));
  });

  it('take every document equally often, or a subset of the documents', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 3 }),
        (unique, wanted, times) => {
          const found = timesOver(unique, { wanted, max: times * unique });
          if (found < unique) assert.ok(found === wanted && 2 * wanted < unique);
          else
            assert.ok(
              found % unique === 0 && found <= times * unique && (found <= 2 * wanted || found === unique),
            );
        },
      ),
    );
  });

  it('get fewer expensive documents if a block of them would take longer than it may', () => {
    const cost = { taskMs: 2000, cpuMs: 2000, loopMs: 2000 };
    const documents = (blockMs: number) =>
      configurations('cpu', cost, { blockMs })
        .filter(({ cell }) => cell.workers === 2)
        .map(({ cell }) => cell.corpus.documents);
    assert.deepEqual(new Set(documents(1e6)), new Set([8]));
    assert.deepEqual(new Set(documents(1)), new Set([2]));
  });

  it('double the workers up to the largest number that helps', () => {
    const cpu = { kind: 'cpu', cost: computing, cores: 6 } as const;
    assert.deepEqual(workerCounts({ isolation: 'process' }, cpu), [1, 2, 4, 6]);
    assert.deepEqual(workerCounts({ isolation: 'none' }, cpu), [1]);
    // Native threads compute four fifths of the time: three times as many as five are in flight.
    const native = { ...cpu, cost: { taskMs: 5, cpuMs: 5, loopMs: 1 } } as const;
    assert.deepEqual(workerCounts({ isolation: 'none' }, native), [1, 2, 4, 8, 16]);
  });
});

it('all run the same documents, or say how their documents compare with the sample', () => {
  const costsMs = Array.from({ length: 200 }, (_, i) => (i === 3 ? 100 : 1));
  const skewed = { ...corpus, costsMs, sequentialMs: 299 };
  const same = configurations('cpu', computing, { corpus: skewed });
  assert.equal(new Set(same.map(({ cell }) => cell.corpus.documents)).size, 1);
  assert.ok(same.every(({ cell }) => cell.corpus.costRatio === undefined));
  const own = configurations('io', waiting, { corpus: skewed, blockMs: 1 });
  assert.ok(new Set(own.map(({ cell }) => cell.corpus.documents)).size > 1);
  for (const { cell } of own) {
    const { documents, costRatio = 1, costsMs: mine = [], sequentialMs } = cell.corpus;
    const mean = mine.reduce((sum, ms) => sum + ms, 0) / mine.length;
    assert.ok(Math.abs(costRatio - mean / (299 / 200)) < 1e-9);
    assert.ok(Math.abs(sequentialMs - documents * mean) < 1e-9);
  }
});

it('every strategy that is measured by default is in the race', () => {
  const named = new Set(configurations('cpu', computing).map(({ cell }) => cell.strategy));
  assert.deepEqual([...named], loaded);
});
