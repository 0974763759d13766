import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { welch } from '../../bench/stats/welch.js';
import type { Environment } from '../../bench/tables/environment.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { compareRuns, differencesBetween } from '../../bench/verdict/compare-runs.js';
import { trial } from '../rows.js';

const environment = {
  machine: { cpu_model: 'X', memory_bytes: 8e9 },
  cores: { effective: 2 },
  node: { version: '20.20.2' },
  corpora: [{ workload: 'word-frequency', corpus: '10KB', sha256: 'aa' }],
} as unknown as Environment;

/** Makes a run with these rates, each off by a few parts in a thousand. */
function run(rates: Record<string, number>, rounds = 8) {
  const trials = Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
    Object.entries(rates).map(
      ([strategy, rate], c): TrialRow =>
        trial({ strategy, round, documents_per_second: rate * (1 + 0.003 * ((round * 5 + c * 2) % 7)) }),
    ),
  );
  return { environment, trials };
}

describe("Welch's test", () => {
  it('gives a worked example', () => {
    // Two samples with means 3 and 6, variances 2.5 and 10: error √(0.5 + 2), df = 2.5² / (0.25/4 + 4/4) =
    // 5.882.
    const { difference, low, high, p } = welch([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]);
    assert.equal(difference, -3);
    // R's t.test gives t = -1.8974, df = 5.8824, p-value = 0.1075.
    assert.ok(Math.abs(p - 0.1075312) < 1e-6, String(p));
    assert.ok(Math.abs(low + 6.8878) < 1e-3 && Math.abs(high - 0.8878) < 1e-3, `${low} ${high}`);
  });
});

describe('comparing runs', () => {
  it('finds what became slower, faster and stayed', () => {
    const first = run({ sequential: 100, async: 100, 'thread-pool': 100 });
    const second = run({ sequential: 100, async: 80, 'thread-pool': 120 });
    assert.deepEqual(
      compareRuns(first, second).map(({ strategy, verdict }) => [strategy, verdict]),
      [
        ['sequential', 'equivalent'],
        ['async', 'slower'],
        ['thread-pool', 'faster'],
      ],
    );
  });

  it('says so when it cannot tell, and leaves out what has no two rounds in both', () => {
    const noisy = {
      environment,
      trials: [60, 140, 100].map((documents_per_second, i) => trial({ round: i + 1, documents_per_second })),
    };
    assert.deepEqual(
      compareRuns(run({ sequential: 100 }), noisy).map(({ verdict }) => verdict),
      ['inconclusive'],
    );
    assert.deepEqual(compareRuns(run({ sequential: 100 }), run({ sequential: 100 }, 1)), []);
    assert.deepEqual(compareRuns(run({ sequential: 100 }), run({ queue: 100 })), []);
  });

  it('keeps documents in memory and documents from files apart', () => {
    const inMemory = run({ sequential: 100 });
    const [corpus] = environment.corpora;
    assert.ok(corpus !== undefined);
    const fromFiles = {
      environment: { ...environment, corpora: [{ ...corpus, source: 'files' as const }] },
      trials: inMemory.trials.map((one) => ({ ...one, source: 'files' })),
    };
    assert.deepEqual(compareRuns(inMemory, fromFiles), []);
    assert.equal(compareRuns(fromFiles, fromFiles).length, 1);
    assert.deepEqual(differencesBetween(environment, fromFiles.environment), [
      'where the documents of word-frequency 10KB are: memory and files',
    ]);
  });

  it('keeps cells apart that differ in documents per worker or in round-trip time alone', () => {
    const slow = run({ sequential: 100 });
    const fast = run({ sequential: 400 });
    for (const column of ['per_worker', 'rtt_ms'] as const) {
      const both = {
        environment,
        trials: [
          ...slow.trials.map((one): TrialRow => ({ ...one, [column]: 1 })),
          ...fast.trials.map((one): TrialRow => ({ ...one, [column]: 4 })),
        ],
      };
      const found = compareRuns(both, both).map((row) => [row[column], row.rounds[0], row.verdict]);
      const expected = [
        [1, 8, 'equivalent'],
        [4, 8, 'equivalent'],
      ];
      assert.deepEqual(found, expected);
    }
  });

  it('names what makes runs incomparable', () => {
    assert.deepEqual(differencesBetween(environment, environment), []);
    const other = {
      ...environment,
      node: { version: '24.1.0' },
      machine: { cpu_model: 'Y', memory_bytes: 8e9 },
      corpora: [{ workload: 'word-frequency', corpus: '10KB', sha256: 'bb' }],
    } as unknown as Environment;
    assert.deepEqual(differencesBetween(environment, other), [
      'CPU: X and Y',
      'Node major: 20 and 24',
      'the documents of word-frequency 10KB',
    ]);
  });
});
