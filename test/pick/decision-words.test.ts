import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Decision } from '../../bench/pick/decide.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { verdict } from '../../bench/words/decision.js';
import { noChoiceText } from '../../bench/words/no-choice.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { environmentOf, trialsOf } from '../runs.js';
import { chosen, decided, words } from './decided.js';
import { baseline, strategies } from './support.js';

describe('what is said of a decision', () => {
  it('is a few short sentences', () => {
    const said = verdict(chosen(decided()), words);
    for (const sentence of said) assert.ok(sentence.split(' ').length <= 25, sentence);
    assert.match(said[0] as string, /^Use `.*` with 2 workers: .*× \(.*\) sequential\.$/);
    assert.ok(
      said.some((one) => /^Expect .* documents\/s \(.* to .*\) of a new run over all documents/.test(one)),
    );
    assert.match(said.at(-1) as string, /^Measured on 2 cores/);
  });

  it('says below how many documents sequential is faster, and says it early of a folder with fewer', () => {
    const decision = chosen(decided());
    const start = { break_even_documents: 5329.2, startup_ms: 1314, cold_code_ms: 2660 };
    const started = { ...decision, choice: { ...decision.choice, ...start } };
    const costs = {
      pass_mean_ms: 1,
      folder_mean_ms: 1,
      folder_mean_error: 0,
      set_apart: [],
      remembers: false,
    };
    const said = (folder_documents: number, changes: Partial<Decision> = {}) =>
      verdict(
        { ...started, ...changes },
        { ...words, costs: { ...costs, folder_documents, surveyed_documents: 500 } },
      );
    const below = (rest: string) => `Below about 5,330 documents per start \`sequential\` is faster${rest}`;
    const because = ': the start takes 1,310 ms, and cold code 2,660 ms.';
    assert.equal(said(500)[1], below(`, as for these 500${because}`));
    const many = said(10_000);
    assert.notEqual(many[1], below(because));
    assert.ok(many.includes(below(because)), many.join('\n'));
    const cold = said(500, { rate: { ...decision.rate, cold: { mean: 158, isCovered: false } } });
    assert.ok(
      cold.some((one) => /^Expect .* of a new run over all documents once its code is warm/.test(one)),
    );
    assert.ok(cold.some((one) => one.startsWith('A program that has just started reaches about 158/s')));
    for (const sentence of cold) assert.ok(sentence.split(' ').length <= 25, sentence);
    assert.ok(!many.some((one) => /just started|once its code/.test(one)));
    // A baseline that breaks a constraint is no way out.
    const barred = { cell: { ...decision.choice, strategy: baseline.name }, reason: 'isolation' };
    assert.ok(!said(500, { disqualified: [barred] }).some((one) => one.startsWith('Below')));
  });

  it('claims no more than was measured', () => {
    const decision = chosen(decided());
    const said = (changes: Partial<Decision>) => verdict({ ...decision, ...changes }, words).join(' ');
    const rival = { ...(decision.tied[0] as Decision['tied'][number]), cell: { ...decision.choice } };
    // Two blocks show nothing, and a configuration that is not told apart is not called as fast.
    const few = said({ blocks: 2, tied: [rival] });
    assert.match(few, /in only 2 blocks, so this is a guess; 1 other is not told apart from it\./);
    assert.doesNotMatch(few, /as fast/);
    const unknown = said({ rate: { ...decision.rate, low: null, high: null } });
    assert.doesNotMatch(unknown, /Expect/);
    // A range over three orders of magnitude is no expectation.
    const wide = said({
      rate: { ...decision.rate, low: 18.9, high: 18_500, wideBecause: 'trials' },
    });
    assert.match(wide, /It reached \S+ documents\/s/);
    assert.doesNotMatch(wide, /Expect/);
    // One common block has no interval, so its ratio is not said.
    const isolated = { ...decision, choice: { ...decision.choice, strategy: 'process-pool' } };
    const once = { cell: isolated.choice, relation: 'too few rounds' as const, rate: decision.rate };
    const crash = verdict(
      {
        ...decision,
        choice: { ...decision.choice, strategy: 'sequential' },
        tied: [],
        slower: [{ ...once, ratio: { ratio: 1.34, low: null, high: null } }],
      },
      { ...words, isolated },
    ).join(' ');
    assert.match(crash, /If a crash must not end the caller, use `process-pool` with \d+ workers?\./);
  });

  it('says of a single block that a configuration is far slower, and nothing finer', () => {
    const decision = chosen(decided());
    const cell = { ...decision.choice, strategy: 'process-pool' };
    const ratio = { ratio: 0.14, low: null, high: null };
    const slower = [{ cell, ratio, relation: 'slower' as const, rate: decision.rate }];
    const choice = { ...decision.choice, strategy: 'sequential' };
    const said = verdict(
      { ...decision, choice, tied: [], slower },
      { ...words, isolated: { ...decision, choice: cell } },
    ).join(' ');
    assert.match(said, /use `process-pool` .* \(less than half its rate, by a single block\)\./);
  });

  it('says what the trials reached where all documents cost another time', () => {
    const decision = chosen(decided());
    const own = decision.choice.documents_per_second as number;
    const costs = { folder_mean_error: 0, set_apart: [], remembers: false };
    const said = (pass_mean_ms: number, low: number | null) =>
      verdict(
        { ...decision, rate: { ...decision.rate, mean: own * pass_mean_ms, low: low && own * low } },
        {
          ...words,
          costs: { ...costs, pass_mean_ms, folder_mean_ms: 1, folder_documents: 9, surveyed_documents: 9 },
        },
      ).join(' ');
    assert.match(
      said(1.25, 1),
      /Its trials reached \S+\/s: their documents cost more than the mean of all\./,
    );
    assert.match(said(0.8, 0.5), /their documents cost less than the mean of all\./);
    assert.doesNotMatch(said(1, 1), /Its trials reached/);
    const once = said(1.25, null);
    assert.match(once, /It reached \S+ documents\/s, which is \S+ for documents of the mean cost/);
    assert.doesNotMatch(said(1, null), /of the mean cost/);
  });

  it('gives no bound that is too wide to go by', () => {
    const decision = chosen(decided());
    const rival = { ...(decision.tied[0] as Decision['tied'][number]), cell: { ...decision.choice } };
    const wide = { ...decision, tied: [rival], regretBound: 0.866 };
    assert.match(verdict(wide, words).join(' '), /What it may lose against the best is not known/);
  });

  it('says on how many documents the task failed', () => {
    const said = (failedShare: number) => verdict(chosen(decided()), { ...words, failedShare }).join(' ');
    assert.match(said(0.5), /The task failed on 50 % of the measured documents; rates count them as done\./);
    assert.doesNotMatch(said(0), /failed/);
  });

  it('names what was not measured, and says that a gain of a single block is one', () => {
    const [row] = trialsOf({ corpora: { docs: 10_000 } });
    const environment = environmentOf([row as TrialRow], {});
    const one = { strategy: 'queue', workers: 2, delivery: 'message', reason: 'no time was left' } as const;
    const not_measured = [1, 2, 3, 4, 5].map((n) => ({ ...one, ...(n > 1 && { per_worker: 2 ** n }) }));
    const decision = { ...chosen(decided()), speedup: { ratio: 1.9, low: null, high: null } };
    const said = verdict(decision, { ...words, environment: { ...environment, not_measured } });
    for (const sentence of said) assert.ok(sentence.split(' ').length <= 25, sentence);
    assert.match(said[0] as string, /: about 1\.90?× sequential, by a single round\.$/);
    const text = said.join(' ');
    assert.match(
      text,
      / 5 .* not measured: queue \(message\) × 2, queue \(message, 4 per worker\) × 2 and 3 more\./,
    );
    assert.match(text, / Nothing is shown about them \(no time was left\)\. /);
    assert.doesNotMatch(verdict(decision, { ...words, environment }).join(' '), /not measured/);
  });

  it('counts what has a single block, and bounds no loss against that', () => {
    const decision = chosen(decided());
    const rival = { ...(decision.tied[0] as Decision['tied'][number]), cell: { ...decision.choice } };
    const said = (changes: Partial<Decision>) =>
      verdict({ ...decision, blocks: 7, regretBound: 0.06, ...changes }, words).join(' ');
    const open = said({ tied: [rival], leftOut: 20 });
    assert.match(open, /loses at most 6 % of the rate against those with more than one block \(95 %\)\./);
    assert.match(
      open,
      / Little is known of 20 others, which have a single block\. Use a longer `--time-budget`\./,
    );
    assert.match(said({ tied: [rival], leftOut: 0 }), /of the rate against the best \(95 %\)\./);
    const cell = { ...decision.choice, strategy: 'queue' };
    const ratio = { ratio: 0.4, low: 0.3, high: 0.5 };
    const slower = [{ cell, relation: 'slower' as const, rate: decision.rate, ratio }];
    const alone = said({ tied: [], slower, leftOut: 1 });
    assert.match(alone, /After 7 blocks the next of the compared ones is `queue` with 2 workers/);
    assert.match(alone, /Little is known of 1 other, which has a single block\./);
  });

  it('calls nothing clear that a single block showed, or that was compared with nothing', () => {
    const decision = { ...chosen(decided()), tied: [], slower: [], disqualified: [] };
    const said = (changes: Partial<Decision>, environment = words.environment) =>
      verdict({ ...decision, ...changes }, { ...words, environment });
    const alone = said({ speedup: null, blocks: 1, tied: [{ cell: decision.choice } as never] });
    assert.match(alone[0] as string, /^Nothing was compared: only `.*` with 2 workers was measured\.$/);
    const invalid = {
      cell: { ...decision.choice, strategy: 'sequential', documents_per_second: null },
      reason: 'void',
    };
    const tried = said({ speedup: null, blocks: 1, disqualified: [invalid as never] });
    assert.match(tried[0] as string, /^Nothing was compared: only `.*` with 2 workers has a valid trial\.$/);
    assert.equal(alone[1], 'Use a longer `--time-budget`.');
    const cell = { ...decision.choice, strategy: 'queue' };
    const other = { cell, relation: 'slower' as const, rate: decision.rate };
    const once = { ...other, ratio: { ratio: 0.4, low: null, high: null } };
    assert.doesNotMatch(said({ slower: [once] }).join(' '), /clear|0\.40×/);
    const shown = { ...other, ratio: { ratio: 0.4, low: 0.3, high: 0.5 } };
    assert.match(said({ slower: [once, shown] })[1] as string, /^That is clear after 12 blocks: the next is/);
    const missing = { strategy: 'queue', workers: 1, delivery: 'path', reason: 'no time was left' } as const;
    const some = { ...words.environment, not_measured: [missing] };
    assert.doesNotMatch(said({ slower: [shown] }, some).join(' '), /clear/);
    const disturbed = said({ speedup: { ratio: 4.8, low: null, high: null } });
    assert.match(
      disturbed[0] as string,
      /4\.80× sequential, by a single block that must have been disturbed/,
    );
    const unknown = said({ speedup: null, slower: [once, shown] });
    assert.match(unknown[0] as string, /`sequential` was not measured beside it, so its gain is not known/);
    const bench = { ...words.environment, profile: 'standard' };
    assert.match(said({ slower: [shown] }, bench)[1] as string, /clear after 12 rounds/);
    for (const sentence of [alone, disturbed, unknown].flat())
      assert.ok(sentence.split(' ').length <= 25, sentence);
  });

  it('says what several documents per worker are', () => {
    const decision = chosen(decided());
    const choice = { ...decision.choice, per_worker: 4 };
    const said = verdict({ ...decision, choice }, words);
    assert.match(said[0] as string, /^Use `[a-z-]+` with 2 workers \(4 documents each\): /);
    assert.ok(said.includes('Each worker has up to 4 documents in progress at the same time.'));
    assert.doesNotMatch(verdict(decision, words).join(' '), /in progress/);
  });

  it('says that nothing was measured, and names no constraint that nothing broke', () => {
    const text = noChoiceText({ disqualified: [], untested: [] }, strategies);
    assert.match(text, /^No configuration was measured before .* use a longer --time-budget\.\n$/);
  });

  it('names each reason why configurations were not measured', () => {
    const one = { strategy: 'queue', workers: 2, delivery: 'message' } as const;
    const not_measured = ['no time was left', 'not tried: queue × 1 never answered'].map((reason) => ({
      ...one,
      reason,
    }));
    const said = verdict(chosen(decided()), {
      ...words,
      environment: { ...words.environment, not_measured },
    });
    assert.ok(
      said.includes('Nothing is shown about them (no time was left; not tried: queue × 1 never answered).'),
    );
  });

  it('compares what survives a crash by the paired ratio, and not by two promises', () => {
    const decision = { ...chosen(decided()) };
    const baseline = strategies.find((strategy) => strategy.baseline) as StrategyTraits;
    const cell = decision.choice;
    const isolated = { ...decision, rate: { ...decision.rate, mean: 2 * decision.rate.mean } };
    const said = (slower: Decision['slower']) =>
      verdict(
        { ...decision, choice: { ...cell, strategy: baseline.name }, tied: [], slower },
        {
          environment: environmentOf(trialsOf({ corpora: { docs: 10_000 } }), {}),
          strategies,
          costs: null,
          isolated,
          latencyP99Ms: null,
          judged: null,
          failedShare: 0,
        },
      ).join(' ');
    const ratio = { ratio: 0.83, low: 0.75, high: 0.92 };
    const slower = [{ cell, ratio, relation: 'slower' as const, rate: decision.rate }];
    assert.match(said(slower), /If a crash must not end .* \(0\.83× \(0\.75–0\.92\) its rate\)\./);
    assert.match(said([]), /If a crash must not end the caller, use /);
    assert.doesNotMatch(said([]), /its rate/);
  });
});
