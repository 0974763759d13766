import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviceTable } from '../../bench/words/advice.js';
import { choiceTable } from '../../bench/words/choice-table.js';
import { findingsOf, trialsOf } from '../runs.js';
import { chosen, decided, words } from './decided.js';

describe('the table of a decision', () => {
  it('names one configuration in a cell of the table where two are too wide for a terminal', () => {
    const decision = chosen(decided());
    const tied = ['path', 'reference', 'message'].map((delivery) => ({
      cell: { ...decision.choice, strategy: 'process-pool', delivery },
      ratio: null,
      relation: 'not told apart' as const,
      rate: decision.rate,
    }));
    const { header, groups } = choiceTable({ ...decision, tied }, words);
    const cell = groups[0]?.[0]?.[header.indexOf('not told apart')] as string;
    assert.match(cell, /^process-pool \(path\) × 2, 2 more$/);
  });

  it('has no interval of a gain that a single block has shown', () => {
    const decision = { ...chosen(decided()), speedup: { ratio: 1.9, low: null, high: null } };
    const { header, groups } = choiceTable(decision, words);
    assert.equal(groups[0]?.[0]?.[header.indexOf('95 % interval')], 'unknown');
  });

  it('gives no bound that is too wide to go by, as bench does', () => {
    const wide = { ...chosen(decided()), regretBound: 0.866 };
    assert.equal(choiceTable(wide, words).groups[0]?.[0]?.at(-1), 'unknown');
    const [conclusion] = findingsOf({ corpora: { docs: 10_000 } }).conclusions;
    assert.ok(conclusion !== undefined);
    const { groups } = adviceTable([{ ...conclusion, regretBound: 0.866 }]);
    assert.equal(groups[0]?.[0]?.at(-1), 'unknown');
  });

  it('promises no bound on a loss below three rounds, as bench does', () => {
    const bound = (rounds: number) => {
      const run = { corpora: { docs: 10_000 }, workers: [1, 2], rounds };
      const decision = chosen(decided({}, { trials: trialsOf(run) }));
      const [row] = choiceTable(decision, words).groups[0] as string[][];
      assert.equal(row?.at(-1), adviceTable(findingsOf(run).conclusions).groups[0]?.[0]?.at(-1));
      return row?.at(-1);
    };
    assert.deepEqual([bound(1), bound(2)], ['unknown', 'unknown']);
    assert.match(bound(3) as string, / %$/);
  });
});
