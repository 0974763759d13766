import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { crossover, type SizedRatio } from '../../bench/stats/crossover.js';
import { summarise } from '../../bench/tables/summarise.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { marginsOf } from '../../bench/verdict/compare.js';
import { crossovers } from '../../bench/verdict/crossovers.js';
import { winners } from '../../bench/verdict/winners.js';
import { trial } from '../rows.js';
import { traitsOf } from '../runs.js';

const sizes = [1_000, 10_000, 100_000];

/** The ratio rises with the square root of the size, through 1 at `at`. */
function rising(at: number, noise: (round: number) => number = () => 1, rounds = 5): SizedRatio[] {
  return Array.from({ length: rounds }, (_, round) =>
    sizes.map((bytes) => ({ round, bytes, ratio: Math.sqrt(bytes / at) * noise(round) })),
  ).flat();
}

describe('crossover', () => {
  it('finds the size at which the ratio passes 1', () => {
    fc.assert(
      fc.property(fc.double({ min: 1_500, max: 90_000, noNaN: true }), (at) => {
        const found = crossover(rising(at), { seed: 1 });
        assert.ok(found.kind === 'within' && Math.abs(found.bytes / at - 1) < 1e-6);
      }),
    );
  });

  it('says when it lies outside what was measured, and when nothing can be said', () => {
    assert.equal(crossover(rising(500), { seed: 1 }).kind, 'everywhere');
    assert.equal(crossover(rising(200_000), { seed: 1 }).kind, 'nowhere');
    assert.match(
      JSON.stringify(
        crossover(
          rising(5_000).filter(({ bytes }) => bytes === 1_000),
          { seed: 1 },
        ),
      ),
      /two sizes/,
    );
    const halves = rising(5_000, undefined, 2).filter(
      ({ round, bytes }) => (round === 0) === (bytes === 1_000),
    );
    assert.match(JSON.stringify(crossover(halves, { seed: 1 })), /no round/);
  });

  it('counts the last passage where the ratio rises and falls', () => {
    const points = [1.2, 0.5, 2].map((ratio, i) => ({ round: 1, bytes: sizes[i] as number, ratio }));
    const found = crossover(points, { seed: 1 });
    assert.ok(found.kind === 'within' && found.bytes > 10_000 && found.bytes < 100_000);
    assert.ok(
      found.kind === 'within' && found.low === null && found.high === null,
      'one round has no interval',
    );
  });

  it('has an interval around it that is as wide as the noise, the same for the same seed', () => {
    const found = crossover(
      rising(10_000, (round) => 1 + 0.05 * ((round % 3) - 1)),
      { seed: 7 },
    );
    assert.ok(found.kind === 'within' && (found.low ?? 0) < 10_000 && (found.high ?? 0) > 10_000);
    assert.deepEqual(
      found,
      crossover(
        rising(10_000, (round) => 1 + 0.05 * ((round % 3) - 1)),
        { seed: 7 },
      ),
    );
  });
});

/** Makes trials with rates by strategy and workers, for documents of several sizes. */
function run(rates: Record<string, readonly number[]>): TrialRow[] {
  return [1, 2, 3].flatMap((round) =>
    Object.entries(rates).flatMap(([cell, list], c) =>
      list.map((rate, i) => {
        const [strategy = '', workers = '1'] = cell.split('×');
        const wobble = 1 + 0.002 * ((round * 7 + c * 3) % 5);
        const document_bytes = sizes[i] as number;
        return trial({
          strategy,
          workers: Number(workers),
          round,
          corpus: `${document_bytes}B`,
          document_bytes,
          documents_per_second: rate * wobble,
        });
      }),
    ),
  );
}

const order = {
  workloads: ['word-frequency'],
  strategies: traitsOf(['sequential', 'thread-pool', 'queue', 'async']),
};

it('crossovers are given for every strategy and number of workers', () => {
  const rows = crossovers(
    run({
      sequential: [100, 100, 100],
      'thread-pool×2': [50, 120, 180],
      'queue×2': [150, 150, 150],
      'async×2': [99, 98, 97],
    }),
    { ...order, seed: 1 },
  );
  assert.deepEqual(
    rows.map(({ strategy, kind, bytes_smallest, bytes_largest }) => [
      strategy,
      kind,
      bytes_smallest,
      bytes_largest,
    ]),
    [
      ['thread-pool', 'within', 1_000, 100_000],
      ['queue', 'everywhere', 1_000, 100_000],
      ['async', 'nowhere', 1_000, 100_000],
    ],
  );
  assert.equal(
    crossovers(run({ 'queue×2': [1, 2, 3] }), { ...order, seed: 1 })[0]?.kind,
    'unknown',
    'without sequential',
  );
});

it('winners are named at every number of workers, ties beside them', () => {
  const trials = run({
    sequential: [100],
    'thread-pool×1': [80],
    'thread-pool×2': [180],
    'queue×1': [60],
    'queue×2': [180.1],
  });
  const strategies = ['sequential', 'thread-pool', 'queue'];
  const summaries = summarise(trials, {
    effectiveCores: 2,
    corpora: [{ workload: 'word-frequency', corpus: '1000B' }],
    strategies: traitsOf(strategies),
  });
  assert.deepEqual(
    winners(summaries, { trials, strategies: traitsOf(strategies), margins: marginsOf(trials) }).map(
      ({ workers, strategy, tied }) => [workers, strategy, tied],
    ),
    [
      [1, 'sequential', null],
      [2, 'thread-pool', 'queue'],
    ],
  );
});
