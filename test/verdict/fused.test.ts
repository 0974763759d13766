import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unconstrained } from '../../bench/pick/constraints.js';
import { decide } from '../../bench/pick/decide.js';
import { summarise } from '../../bench/tables/summarise.js';
import { conclude } from '../../bench/verdict/conclude.js';
import type { Traits } from '../../bench/verdict/configurations.js';
import { stagedData } from '../../bench/verdict/fused.js';
import { fusedByWorkload } from '../../bench/words/fused.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { trial } from '../rows.js';

const traits: Traits[] = [
  { name: 'sequential', isolation: 'none', baseline: true, concurrency: 'workers' },
  { name: 'one-worker', isolation: 'thread', baseline: false, concurrency: 'workers' },
  { name: 'by-stage', isolation: 'thread', baseline: false, concurrency: 'workers', staged: true },
];

/** A run of eight rounds with little noise, with these rates. */
function runOf(
  kind: string,
  rates: { readonly fused: number; readonly staged: number },
  configuration: string | null = 'load=1,encode=2',
) {
  const cells = [
    { strategy: 'sequential', workers: 1, documents_per_second: 100, delivery: 'none' },
    { strategy: 'one-worker', workers: 2, documents_per_second: rates.fused, delivery: 'clone' },
    {
      strategy: 'by-stage',
      workers: 3,
      documents_per_second: rates.staged,
      delivery: 'clone',
      configuration,
    },
  ];
  const trials = Array.from({ length: 8 }, (_, round) =>
    cells.map((cell, i) =>
      trial({
        ...cell,
        kind,
        round: round + 1,
        documents_per_second: cell.documents_per_second * (1 + 0.002 * ((round * 7 + i * 3) % 5)),
      }),
    ),
  ).flat();
  const corpora = [{ workload: 'word-frequency', corpus: '10KB' }];
  const summaries = summarise(trials, { effectiveCores: 2, corpora, strategies: traits });
  const margins = () => Math.log(1.03);
  const conclusions = conclude(summaries, { trials, strategies: traits, claims: 'verdicts', margins });
  const decided = decide({
    trials,
    summaries,
    responsiveness: [],
    constraints: unconstrained,
    strategies: traits as StrategyTraits[],
    corpus: '10KB',
  });
  assert.ok(decided.state === 'chosen');
  return { conclusions, staged: decided.staged };
}

describe('fused or staged', () => {
  it('is no question for a task without stages', () => {
    const { conclusions, staged } = runOf('cpu', { fused: 150, staged: 140 }, null);
    assert.equal(staged, null);
    assert.equal(conclusions[0]?.staged, null);
    assert.deepEqual(fusedByWorkload(conclusions), []);
  });

  it('is staged where workers for each stage are faster', () => {
    const { conclusions, staged } = runOf('io', { fused: 150, staged: 300 });
    assert.deepEqual(conclusions[0]?.staged, staged);
    assert.equal(staged?.use, 'staged');
    assert.equal(staged?.other.strategy, 'one-worker');
    assert.ok(Math.abs((staged?.ratio?.ratio ?? 0) - 0.5) < 0.01);
    assert.match(
      fusedByWorkload(conclusions).join(' '),
      /^Give each stage workers of its own: `one-worker` with 2 workers reached 0.5\d*× \(.*\) its rate\.$/,
    );
  });

  it('is fused where they are not, and says so of stages that compute', () => {
    const { conclusions, staged } = runOf('cpu', { fused: 195, staged: 180 });
    assert.ok(staged !== null && staged.use === 'fused');
    const { other, onlyComputes } = stagedData(staged);
    assert.deepEqual(
      [other, onlyComputes],
      [{ strategy: 'by-stage', workers: 3, delivery: 'clone', configuration: 'load=1,encode=2' }, true],
    );
    assert.equal(staged?.other.strategy, 'by-stage');
    const [first = '', second = ''] = fusedByWorkload(conclusions);
    assert.match(
      first,
      /^Run all stages of a document in one worker: `by-stage` with 3 workers \(load=1,encode=2\) /,
    );
    assert.match(second, /^The stages compute: .* cannot beat running each document to completion\.$/);
  });

  it('says nothing where nothing is staged', () => {
    const { conclusions } = runOf('cpu', { fused: 195, staged: 180 });
    const plain = traits.map(({ staged: _, ...rest }) => rest);
    const [{ staged } = { staged: undefined }] = conclude(
      conclusions.flatMap(({ atBest }) => atBest),
      { trials: [], strategies: plain, claims: 'verdicts', margins: () => 0.03 },
    );
    assert.equal(staged ?? null, null);
  });
});
