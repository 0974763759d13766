import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import picocolors from 'picocolors';
import { consoleReport } from '../../bench/report/console.js';
import { markdownReport } from '../../bench/report/markdown.js';
import { chooseTwins } from '../../bench/trials/plan.js';
import type { Traits } from '../../bench/verdict/configurations.js';
import { findings } from '../../bench/verdict/findings.js';
import { environmentOf, type RunChoice, traitsOf, trialsOf } from '../runs.js';

/** In these runs the machine limit is a tenth faster than `self-scheduling`, in every round. */
const choice: RunChoice = {
  strategies: ['sequential', 'self-scheduling', 'two-loops'],
  workers: [1, 2],
  claims: 'verdicts',
  rounds: 4,
};
const limit: Traits = {
  name: 'two-loops',
  baseline: false,
  concurrency: 'workers',
  isolation: 'process',
  limit: true,
};
const plain = trialsOf(choice);
const trials = plain.map((row) => {
  if (row.strategy !== limit.name) return row;
  const own = plain.find(
    ({ strategy, workers, corpus, round }) =>
      strategy === 'self-scheduling' &&
      workers === row.workers &&
      corpus === row.corpus &&
      round === row.round,
  );
  return { ...row, documents_per_second: 1.1 * (own?.documents_per_second ?? Number.NaN) } as typeof row;
});
const found = findings(trials, {
  environment: environmentOf(trials, choice),
  strategies: [...traitsOf(['sequential', 'self-scheduling']), limit],
});

describe('a machine limit', () => {
  it('is a reference of its own, for configurations with as many workers', () => {
    const rows = found.comparisons.filter(({ reference }) => reference === 'limit');
    assert.deepEqual(
      rows.map(({ corpus, strategy, workers, reference_workers }) => [
        corpus,
        strategy,
        workers,
        reference_workers,
      ]),
      ['10KB', '100KB'].flatMap((corpus) => [
        [corpus, 'sequential', 1, 1],
        [corpus, 'self-scheduling', 1, 1],
        [corpus, 'self-scheduling', 2, 2],
      ]),
    );
    for (const { strategy, ratio, ratio_low, verdict } of rows) {
      assert.equal(verdict, null, 'nothing is won or lost against a limit');
      if (strategy !== 'self-scheduling') continue;
      assert.ok(Math.abs(ratio - 1 / 1.1) < 1e-9 && Math.abs((ratio_low ?? 0) - 1 / 1.1) < 1e-9);
    }
  });

  it('is neither the best, nor the fastest, nor chosen', () => {
    for (const { reference, reference_strategy } of found.comparisons)
      if (reference === 'best') assert.notEqual(reference_strategy, limit.name);
    for (const { choice, fastest, best, tied, atBest } of found.conclusions) {
      for (const cell of [choice, fastest, best, ...tied]) assert.notEqual(cell.strategy, limit.name);
      assert.ok(
        atBest.some(({ strategy }) => strategy === limit.name),
        'the tables show it',
      );
    }
    for (const { strategy } of [...found.winners, ...found.situations]) assert.notEqual(strategy, limit.name);
  });

  it('is what reports give a share of, and only where it was measured', () => {
    const colors = picocolors.createColors(false);
    const text = consoleReport(found, colors);
    assert.match(text, /of the limit/);
    assert.match(text, /90\.9 % \(90\.9–90\.9\)/);
    const sentence =
      'Share of the machine limit in word-frequency: self-scheduling with 2 workers ' +
      '90.9 % (90.9–90.9) at 10KB and self-scheduling with 2 workers 90.9 % (90.9–90.9) at 100KB.';
    assert.ok(text.includes(sentence), text);
    assert.ok(markdownReport(found, []).replaceAll('`', '').includes(sentence));

    const without = trials.filter(({ strategy }) => strategy !== limit.name);
    const others = findings(without, {
      environment: environmentOf(without, choice),
      strategies: [...traitsOf(['sequential', 'self-scheduling']), limit],
    });
    assert.doesNotMatch(consoleReport(others, colors), /limit/i);
  });

  it('is not measured twice a round', () => {
    const cells = [limit.name, 'self-scheduling'].map((name) => ({
      workload: { ref: { name: 'w' } },
      corpus: { name: '10KB' },
      workers: 2,
      strategy: { strategy: { name, scales: true, ...(name === limit.name && { limit: true }) } },
    }));
    const [twin] = chooseTwins([...cells, cells[0]] as never);
    assert.equal(twin?.strategy.strategy.name, 'self-scheduling');
  });
});
