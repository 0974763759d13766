import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bestTable, bestTableLegend } from '../../bench/report/tables.js';
import { bySeries } from '../../bench/tables/series.js';
import { summarise } from '../../bench/tables/summarise.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { marginsOf } from '../../bench/verdict/compare.js';
import { type Conclusion, conclude } from '../../bench/verdict/conclude.js';
import { adviceLegend, adviceSentences, adviceTable } from '../../bench/words/advice.js';
import { intervalText } from '../../bench/words/configuration.js';
import type { TextTable } from '../../bench/words/text-table.js';
import { trial } from '../rows.js';
import { findingsOf, traitsOf } from '../runs.js';

const strategies = ['sequential', 'async', 'thread-pool', 'process-pool'];

/**
 * Makes trials with rates by strategy and workers. In each round all are off by the same few parts in a
 * thousand.
 */
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

function conclusionsOf(trials: TrialRow[], sizes = ['10KB', '100KB', '500KB']) {
  const corpora = sizes.map((corpus) => ({ workload: 'word-frequency', corpus }));
  const summaries = summarise(trials, { effectiveCores: 4, corpora, strategies: traitsOf(strategies) });
  return conclude(summaries, {
    trials,
    strategies: traitsOf(strategies),
    margins: marginsOf(trials),
    claims: 'suggests',
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

  it('marks a high rate that may not be chosen, and says why', () => {
    const cpu = { kind: 'cpu' } as const;
    const conclusions = conclusionsOf(
      run({ sequential: 100, 'thread-pool×2': 101, 'process-pool×8': 130 }, cpu),
    );
    const marks = bestTable(conclusions)
      .groups.flat()
      .map(([mark, , strategy]) => [mark, strategy]);
    assert.deepEqual(marks.at(-1), ['-', 'process-pool']);
    assert.match(bestTableLegend(conclusions), /^- not for use: more computing workers than cores/m);
    const usable = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 101 }, cpu));
    assert.doesNotMatch(bestTableLegend(usable), /not for use/);
  });

  it('explains documents per worker where a row has them', () => {
    const rows = (columns: Partial<TrialRow>) =>
      conclusionsOf([
        ...run({ sequential: 100 }, { corpus: 'docs', kind: 'io' }),
        ...run({ 'thread-pool×2': 300 }, { corpus: 'docs', kind: 'io', ...columns }),
      ]);
    const several = rows({ per_worker: 4 });
    assert.match(
      adviceSentences(several)[0] ?? '',
      /suggests `thread-pool` with 2 workers \(4 documents each\): /,
    );
    assert.match(adviceLegend(several), /^Per worker: .* at the same time\.$/m);
    assert.doesNotMatch(adviceLegend(rows({})), /Per worker/);
  });

  it('has one interval for a gain in every table', () => {
    const { conclusions } = findingsOf({ rounds: 3 });
    const withHeader = ({ header, groups }: TextTable) =>
      groups.flat().map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])));
    const chosen = withHeader(bestTable(conclusions)).filter((row) => row[''] === '→');
    const advised = withHeader(adviceTable(conclusions));
    assert.ok(chosen.length > 1 && chosen.some((row) => row['95 % interval'] !== ''));
    assert.deepEqual(
      chosen.map((row) => row['95 % interval']),
      advised.map((row) => row['95 % interval']),
    );
    assert.equal(intervalText({ low: 0.0623, high: 2314.15 }), '0.0623–2,310');
    assert.equal(intervalText({ low: 0.981, high: 1.024 }), '0.98–1.02');
  });

  it('names no loss where nothing else was measured, or only once', () => {
    const alone = adviceSentences(conclusionsOf(run({ sequential: 100 }, { corpus: 'docs' }), ['docs']));
    assert.match(alone[1] ?? '', /^How much another configuration would gain is not shown\.$/);
    const [{ regretBound } = { regretBound: 0 }] = conclusionsOf(
      run({ sequential: 100, 'thread-pool×2': 40 }, { corpus: 'docs' }).filter(
        ({ strategy, round }) => strategy === 'sequential' || round === 1,
      ),
      ['docs'],
    );
    assert.equal(regretBound, null);
  });

  it('tells the possible loss on own documents, where sizes are no question', () => {
    const rates = { sequential: 100, 'thread-pool×2': 180 };
    const [, own] = adviceSentences(conclusionsOf(run(rates, { corpus: 'docs' }), ['docs']));
    assert.match(own ?? '', /would gain anything \(95 %\)/);
    const [, made] = adviceSentences(conclusionsOf(run(rates), ['10KB']));
    assert.match(made ?? '', /whether the choice changes with size is not shown/);
  });

  it('after one round of a longer profile asks for more rounds, not for another profile', () => {
    const said = adviceSentences(conclusionsOf(run({ sequential: 100, 'thread-pool×2': 150 }, {}, 1))).join(
      ' ',
    );
    assert.match(said, /nothing is shown about what is faster/);
    assert.match(said, /Measure longer: `--rounds`, `--budget`/);
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
    assert.match(adviceSentences(conclusions).join(' '), /`thread-pool \(transfer\)` with 2 workers/);
  });

  it('chooses sequential when nothing gains', () => {
    const [conclusion] = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 101 }));
    assert.equal(conclusion?.choice.strategy, 'sequential');
  });

  it('keeps workloads and corpora apart, and is silent where nothing was measured', () => {
    const trials = [
      ...run({ sequential: 100 }),
      ...run({ sequential: 10 }, { corpus: '100KB' }),
      trial({ workload: 'broken', status: 'failed', reason: 'boom', documents_per_second: null }),
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

describe('the advice', () => {
  const words = (sentence: string) => sentence.split(' ').length;

  it('is a table with one row per size, and says what changes between which sizes', () => {
    const small = run({ sequential: 100, 'thread-pool×2': 90, 'process-pool×2': 80 });
    const large = run(
      { sequential: 10, 'thread-pool×2': 19, 'process-pool×2': 15, 'thread-pool×1': 18 },
      { corpus: '500KB', document_bytes: 500_000 },
    );
    const conclusions = conclusionsOf([...small, ...large]);
    assert.deepEqual(adviceSentences(conclusions), [
      'For word-frequency this run suggests `sequential` at 10KB and `thread-pool` with 2 workers at 500KB.',
      'The choice changes from `sequential` to `thread-pool` with 2 workers between 10KB and 500KB.',
    ]);
    const [group] = adviceTable(conclusions).groups;
    assert.deepEqual(
      group?.map(([, corpus, use, gain]) => [corpus, use, gain]),
      [
        ['10KB', 'sequential', ''],
        ['500KB', 'thread-pool × 2', '1.90×'],
      ],
    );
  });

  it('says that a change is not shown where noise may have made it', () => {
    const noisy = (rates: Record<string, number>, columns: Partial<TrialRow>) =>
      run(rates, columns).map((row) => ({
        ...row,
        documents_per_second:
          (row.documents_per_second ?? 0) * (1 + 0.05 * (((row.round + row.strategy.length) % 3) - 1)),
      }));
    const conclusions = conclusionsOf([
      ...noisy({ sequential: 100, 'thread-pool×2': 186, 'process-pool×2': 174 }, {}),
      ...noisy(
        { sequential: 100, 'thread-pool×2': 174, 'process-pool×2': 186 },
        { corpus: '500KB', document_bytes: 500_000 },
      ),
    ]);
    assert.deepEqual(
      conclusions.map(({ choice }) => choice.strategy),
      ['thread-pool', 'process-pool'],
    );
    assert.match(adviceSentences(conclusions)[1] ?? '', /between 10KB and 500KB is not shown/);
  });

  it('names one configuration at every size with its gains, and what the advice may cost', () => {
    const trials = ['10KB', '100KB'].flatMap((corpus) =>
      run({ sequential: 100, 'thread-pool×2': 190, 'process-pool×2': 191, 'thread-pool×1': 98 }, { corpus }),
    );
    const [first, second, ...rest] = adviceSentences(conclusionsOf(trials));
    assert.match(
      first ?? '',
      /suggests `thread-pool` with 2 workers at every size: 1\.90× to 1\.90× sequential/,
    );
    assert.match(second ?? '', /^Another measured configuration would gain at most [\d.]+ % \(95 %\)\.$/);
    assert.deepEqual(rest, []);
  });

  it('goes by no lucky round of what left a race, and says that its bound leaves that out', () => {
    const race = [
      ...run({ sequential: 100, 'thread-pool×2': 190, 'process-pool×2': 185 }, { corpus: 'docs' }, 6),
      ...run({ 'async×2': 230 }, { corpus: 'docs' }, 1),
    ];
    const [conclusion] = conclusionsOf(race, ['docs']);
    assert.equal(conclusion?.fastest.strategy, 'thread-pool');
    assert.equal(conclusion?.leftOut, 1);
    const [first, second] = adviceSentences([conclusion as Conclusion]);
    assert.match(first ?? '', /suggests `thread-pool` with 2 workers: 1\.90× /);
    assert.match(second ?? '', /onfiguration with more than one round would gain /);
  });

  it('claims nothing from a single round, and no change of the choice from a single corpus', () => {
    const once = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 190 }, {}, 1));
    assert.match(adviceSentences(once)[0] ?? '', /nothing is shown about what is faster/);
    const [first, second] = adviceSentences(conclusionsOf(run({ sequential: 100, 'thread-pool×2': 190 })));
    assert.match(first ?? '', /`thread-pool` with 2 workers: 1\.90× \(1\.8\d–1\.9\d\) sequential/);
    assert.match(second ?? '', /^Only 10KB was measured/);
    assert.deepEqual(adviceSentences([]), []);
  });

  it('has at most two sentences of at most 25 words', () => {
    const choices: Record<string, number>[] = [
      { sequential: 100, 'thread-pool×2': 99, 'process-pool×2': 80 },
      { sequential: 100, 'thread-pool×2': 190, 'process-pool×2': 150 },
      { sequential: 100, 'thread-pool×2': 150, 'process-pool×2': 190 },
      { sequential: 100, 'async×2': 230, 'process-pool×2': 190 },
    ];
    const sizes = ['1KB', '10KB', '100KB', '500KB'];
    for (let code = 0; code < choices.length ** sizes.length; code += 7) {
      const trials = sizes.flatMap((corpus, i) => {
        const rates = choices[Math.floor(code / choices.length ** i) % choices.length] ?? {};
        return run(rates, { corpus, document_bytes: 1000 * 10 ** i });
      });
      const said = adviceSentences(conclusionsOf(trials, sizes));
      assert.ok(said.length <= 2, said.join(' '));
      for (const sentence of said) assert.ok(words(sentence) <= 25, sentence);
    }
  });

  it('is the choice that every part of the conclusion speaks of', () => {
    const [conclusion] = conclusionsOf(run({ sequential: 100, 'thread-pool×2': 180, 'process-pool×2': 185 }));
    const { choice, gain, shortfall, regretBound } = conclusion as Conclusion;
    assert.equal(choice.strategy, 'thread-pool');
    assert.ok(Math.abs((gain?.ratio ?? 0) - 1.8) < 0.02, "the gain is the choice's, not that of the best");
    assert.ok(Math.abs((shortfall?.ratio ?? 0) - 185 / 180) < 0.01);
    assert.ok((regretBound ?? 0) > 0.02);
  });
});
