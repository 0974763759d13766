import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrialRow } from '../../bench/tables/columns.js';
import { bySeries } from '../../bench/tables/series.js';
import { summarise } from '../../bench/tables/summarise.js';
import { compare } from '../../bench/verdict/compare.js';
import { conclude } from '../../bench/verdict/conclude.js';
import { sentences } from '../../bench/verdict/sentences.js';
import { trial } from '../rows.js';

const corpora = ['10KB', '100KB', '500KB'].map((corpus) => ({ workload: 'word-frequency', corpus }));
const strategies = ['sequential', 'async', 'thread-pool', 'process-pool'];

/** Rates by strategy and workers, in each round off by the same few parts in a thousand for everybody but the noisy. */
function run(rates: Record<string, number>, columns: Partial<TrialRow> = {}, rounds = 3): TrialRow[] {
  return Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
    Object.entries(rates).map(([cell, rate], c) => {
      const [strategy = '', workers = '1'] = cell.split('×');
      const wobble = 1 + 0.004 * ((round * 7 + c * 3) % 5);
      return trial({
        strategy,
        workers: Number(workers),
        round,
        documents_per_second: rate * wobble,
        ...columns,
      });
    }),
  );
}

function conclusionsOf(trials: TrialRow[]) {
  const summaries = summarise(trials, { effectiveCores: 2, corpora, strategies });
  return conclude(summaries, {
    trials,
    comparisons: compare(trials, { claims: 'suggests' }),
    claims: 'suggests',
    simplest: strategies,
  });
}

describe('conclusion', () => {
  it('chooses the clear winner', () => {
    const [conclusion] = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 180, 'process-pool×2': 150 }));
    assert.equal(conclusion?.choice.strategy, 'thread-pool');
    assert.equal(conclusion?.fastest, conclusion?.choice);
    assert.deepEqual(conclusion?.tied.length, 1);
  });

  it('chooses the simplest, with the fewest workers, of what it cannot tell apart', () => {
    const [conclusion] = conclusionsOf(
      run({
        sequential: 100,
        'thread-pool×2': 180,
        'thread-pool×4': 181,
        'process-pool×2': 182,
        'async×2': 100,
      }),
    );
    assert.deepEqual([conclusion?.choice.strategy, conclusion?.choice.workers], ['thread-pool', 2]);
    assert.equal(conclusion?.fastest.strategy, 'process-pool');
    assert.equal(conclusion?.tied.length, 3);
    assert.deepEqual(
      conclusion?.atBest.map(({ strategy, workers }) => [strategy, workers]),
      [
        ['sequential', 1],
        ['async', 2],
        ['thread-pool', 2],
        ['process-pool', 2],
      ],
    );
  });

  it('tells the deliveries of one strategy apart', () => {
    const trials = [
      ...run({ sequential: 100, 'thread-pool×2': 150 }),
      ...run({ 'thread-pool×2': 180 }, { delivery: 'transfer' }),
    ];
    const conclusions = conclusionsOf(trials);
    assert.deepEqual(
      bySeries(conclusions[0]?.atBest ?? []).map(({ strategy }) => strategy),
      ['sequential', 'thread-pool (none)', 'thread-pool (transfer)'],
    );
    assert.match(sentences(conclusions).join(' '), /`thread-pool \(transfer\)` with 2 workers/);
  });

  it('chooses sequential when nothing gains', () => {
    const [conclusion] = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 101 }));
    assert.equal(conclusion?.choice.strategy, 'sequential');
  });

  it('keeps workloads and corpora apart, and is silent where nothing was measured', () => {
    const trials = [
      ...run({ sequential: 100 }),
      ...run({ sequential: 10 }, { corpus: '100KB' }),
      trial({ workload: 'broken', status: 'failed', documents_per_second: null }),
    ];
    assert.deepEqual(
      conclusionsOf(trials).map(({ workload, corpus }) => [workload, corpus]),
      [
        ['word-frequency', '10KB'],
        ['word-frequency', '100KB'],
      ],
    );
    assert.deepEqual(conclusionsOf([]), []);
  });
});

describe('sentences', () => {
  it('say what to use, what it gains and where it flips', () => {
    const small = run({ sequential: 100, 'thread-pool×2': 99, 'process-pool×2': 80 });
    const large = run(
      { sequential: 10, 'thread-pool×2': 19, 'process-pool×2': 15, 'thread-pool×4': 18 },
      { corpus: '500KB', document_bytes: 500_000 },
    );
    assert.deepEqual(sentences(conclusionsOf([...small, ...large])), [
      'For word-frequency this run suggests `sequential` at 10KB, where nothing beats it, and `thread-pool` with 2 workers at 500KB (1.90× sequential, 1.84–1.95).',
      'Clear at 500KB (next `process-pool`, 0.79× the highest rate, 0.77–0.81); a tie at 10KB with `thread-pool`: the simplest is suggested.',
      'It flips from `sequential` to `thread-pool` between 10KB and 500KB.',
    ]);
  });

  it('say where it does not flip, what ties, and that more workers gain nothing', () => {
    const trials = ['10KB', '100KB'].flatMap((corpus) =>
      run({ sequential: 100, 'thread-pool×2': 190, 'process-pool×2': 191, 'thread-pool×4': 188 }, { corpus }),
    );
    const [, second, third] = sentences(conclusionsOf(trials));
    assert.equal(second, 'A tie at 10KB and 100KB with `process-pool`: the simplest is suggested.');
    assert.equal(
      third,
      'It does not flip between 10KB and 100KB; more than 2 workers gained nothing that this run can show.',
    );
  });

  it('claim nothing from a single round, and no flip from a single corpus', () => {
    assert.match(
      sentences(conclusionsOf(run({ sequential: 100, 'thread-pool×2': 190 }, {}, 1)))[0] ?? '',
      /this shows that everything works/,
    );
    assert.match(
      sentences(conclusionsOf(run({ sequential: 100, 'thread-pool×2': 190 })))[2] ?? '',
      /Only one corpus \(10KB\) was measured/,
    );
    assert.deepEqual(sentences([]), []);
  });
});
