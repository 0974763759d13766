import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { compare } from '../../bench/verdict/compare.js';
import { enough } from '../../bench/verdict/stop.js';
import { equalCells, suite } from './suites.js';

/**
 * The full form of what compare.test.ts samples: are the promises of intervals and verdicts kept over many
 * seeds?
 */

describe('95 % intervals', () => {
  for (const rounds of [8, 12, 16]) {
    it(`cover the true ratio in 92 to 98 % of runs of ${rounds} rounds`, (t) => {
      const seeds = 2000;
      const covered = count(seeds, (seed) => {
        const [row] = compare(suite({ rates: [100, 130], rounds, seed }), {
          claims: 'suggests',
          baseline: 'sequential',
        });
        return row !== undefined && (row.ratio_low as number) <= 1.3 && 1.3 <= (row.ratio_high as number);
      });
      t.diagnostic(`${percent(covered, seeds)} of ${seeds}`);
      assert.ok(covered >= 0.92 * seeds && covered <= 0.98 * seeds, percent(covered, seeds));
    });
  }
});

describe('21 equal cells', () => {
  it('have a winner or a loser in at most 5 % of runs of 12 rounds', (t) => {
    const suites = 1000;
    const wrong = count(suites, (seed) => claimsDifference(equalCells(12, seed)));
    t.diagnostic(`${percent(wrong, suites)} of ${suites}`);
    assert.ok(wrong <= 0.05 * suites, percent(wrong, suites));
  });

  it('have one in at most 5 % of quieter runs that the stop rule ends, some of them early', (t) => {
    const suites = 150;
    const ends: number[] = [];
    const wrong = count(suites, (seed) => {
      const run = suite({ rates: new Array<number>(21).fill(100), rounds: 32, seed, sd: 0.03, slowed: 0 });
      const end =
        [12, 16, 20, 24, 28].find(
          (round) => enough(until(run, round), { round, baseline: 'sequential' }).stop,
        ) ?? 32;
      ends.push(end);
      return claimsDifference(until(run, end));
    });
    const rounds = ends.reduce((a, b) => a + b) / suites;
    t.diagnostic(`${percent(wrong, suites)} of ${suites}, after ${rounds.toFixed(1)} rounds on average`);
    assert.ok(wrong <= 0.05 * suites, percent(wrong, suites));
    assert.ok(ends.some((end) => end < 32));
  });
});

it('a true difference of 10 % is found in most runs of 12 quiet rounds', (t) => {
  const suites = 300;
  const found = count(suites, (seed) => {
    const rows = compare(
      suite({ rates: [100, 110, ...new Array<number>(8).fill(100)], rounds: 12, seed, slowed: 0 }),
      {
        claims: 'verdicts',
        baseline: 'sequential',
      },
    );
    return rows[0]?.verdict === 'faster';
  });
  t.diagnostic(`${percent(found, suites)} of ${suites}`);
  assert.ok(found >= 0.8 * suites, percent(found, suites));
});

it('the same trials have the same comparisons', () => {
  assert.deepEqual(
    compare(equalCells(20, 7), { claims: 'verdicts', baseline: 'sequential' }),
    compare(equalCells(20, 7), { claims: 'verdicts', baseline: 'sequential' }),
  );
});

function claimsDifference(trials: readonly TrialRow[]): boolean {
  return compare(trials, { claims: 'verdicts', baseline: 'sequential' }).some(
    ({ reference, verdict }) => reference !== 'A/A' && (verdict === 'faster' || verdict === 'slower'),
  );
}

function until(trials: readonly TrialRow[], end: number): TrialRow[] {
  return trials.filter(({ round }) => round <= end);
}

function count(seeds: number, holds: (seed: number) => boolean): number {
  return Array.from({ length: seeds }, (_, i) => i + 1).filter(holds).length;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
