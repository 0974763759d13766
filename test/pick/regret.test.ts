import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeDocuments } from '../../bench/regret/documents.js';
import { regretRow } from '../../bench/regret/pick-regret.js';
import { bestGain, scoreAdvice } from '../../bench/regret/score.js';
import { moduleOf, tasks } from '../../bench/regret/tasks.js';
import type { OkTrial } from '../../bench/tables/trial-columns.js';
import type { Recommendation } from '../../runner/recommendation.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { trialsOf } from '../runs.js';
import { baseline, loaded, strategies } from './support.js';

const scored = (rounds: number, change?: Parameters<typeof trialsOf>[0]['change']) => {
  const trials = trialsOf({
    corpora: { docs: 10_000 },
    rounds: 24,
    workers: [1, 2],
    ...(change !== undefined && { change }),
  });
  const score = scoreAdvice({ trials, strategies, cores: 2, rounds, draws: 20, seed: 1 });
  return { score, gain: bestGain(trials, strategies) };
};

describe('the score of advice', () => {
  it('is close to nothing given away where rounds are alike', () => {
    for (const rounds of [3, 6, 12]) {
      const { score } = scored(rounds);
      assert.ok(score !== null && score.regretMedian < 0.05, `${rounds}: ${score?.regretMedian}`);
      assert.equal(score.draws, rounds === 12 ? 2 : 20);
      assert.equal(score.baselineShare, 0);
    }
  });

  it('counts what a rule gives away that sees other rounds than the truth', () => {
    // In odd rounds the baseline looks three times as fast as it is in even ones.
    const { score, gain } = scored(6, ({ strategy, round }) =>
      strategy === baseline.name && round % 2 === 1 ? { documents_per_second: 1e6 } : {},
    );
    assert.ok(score !== null && score.regretMax > 0.2 && score.baselineShare > 0.3);
    assert.ok(gain !== null && gain > 0);
  });

  it('tells what luck alone gives away', () => {
    // `queue` is ahead over all rounds: before `partitioned` in odd rounds, and behind it in even ones.
    const { score } = scored(12, ({ strategy, workers, round }) => {
      const rate =
        workers !== 2
          ? 100
          : strategy === 'queue'
            ? 1000
            : strategy === 'partitioned'
              ? round % 2 === 1
                ? 800
                : 1100
              : 100;
      return { documents_per_second: rate };
    });
    assert.ok(score !== null);
    // Held against odd rounds it is the best; against even ones it gives away 1 − 1000 ÷ 1100.
    assert.ok(Math.abs(score.luck - (1 - 1000 / 1100) / 2) < 1e-9, String(score.luck));
  });

  it('is not given if there are too few rounds', () => {
    assert.equal(scored(13).score, null);
  });
});

describe('the regret of a pick', () => {
  /** `queue` × 2 has the highest mean; `partitioned` × 2 is nearly as fast, and varies. */
  const rates = { queue: [1000, 1000, 1000, 1000], partitioned: [1150, 820, 1120, 830] };
  const rowFor = (strategy: 'queue' | 'partitioned', rounds = 4) => {
    const trials = trialsOf({
      corpora: { docs: 10_000 },
      rounds,
      workers: [1, 2],
      change: ({ strategy, workers, round }) => ({
        documents_per_second: (workers === 2 ? rates[strategy as 'queue']?.[round - 1] : undefined) ?? 100,
      }),
    });
    const { delivery } = trials.find(
      (trial) => trial.strategy === strategy && trial.workers === 2,
    ) as OkTrial;
    const expected = { documentsPerSecond: 900, low: 800, high: 1000 };
    const chosen = { strategy, workers: 2, delivery, expected, effort: { usedMs: 2000 } };
    const run = { trials, kind: 'cpu', configurations: 22, seconds: 60 };
    return regretRow('docs', {
      chosen: chosen as unknown as Recommendation,
      run,
      rounds,
      loaded,
    });
  };

  it('is nothing for the highest rate, but what it may give away is not', () => {
    const row = rowFor('queue');
    assert.equal(row.regret, 0);
    assert.ok(Math.abs(row.sequential_rate - 100) < 1e-9);
    assert.ok(row.regret_high !== null && row.regret_high > 0.1, String(row.regret_high));
  });

  it('is the share given away against the highest rate', () => {
    const row = rowFor('partitioned');
    const mean = (1150 * 820 * 1120 * 830) ** 0.25;
    assert.ok(Math.abs(row.regret - (1 - mean / 1000)) < 1e-9);
    assert.ok(row.best.startsWith('queue 2 '));
    assert.ok(row.regret_high !== null && row.regret_high > row.regret);
  });

  it('has no upper end after one round', () => {
    assert.equal(rowFor('queue', 1).regret_high, null);
  });
});

describe('a regret task', () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));

  for (const task of tasks) {
    it(`${task.name} runs on its documents, which are the same every time`, async () => {
      const few = { files: 2, documents: task.documents };
      const [first, second] = [join(folder, `${task.name}-a`), join(folder, `${task.name}-b`)];
      writeDocuments(few, first);
      writeDocuments(few, second);
      const workload = await loadWorkload({ name: task.name, url: moduleOf(task).href, options: {} });
      for (const [index, name] of readdirSync(first).entries()) {
        const bytes = new Uint8Array(readFileSync(join(first, name)));
        assert.deepEqual(bytes, new Uint8Array(readFileSync(join(second, name))));
        const context = { state: undefined, options: {}, signal: new AbortController().signal };
        const document = { index, id: name, size: bytes.length, bytes };
        const result = await workload.default(document, context as Parameters<typeof workload.default>[1]);
        assert.notEqual(result, undefined);
      }
      rmSync(first, { recursive: true });
      rmSync(second, { recursive: true });
    });
  }
});
