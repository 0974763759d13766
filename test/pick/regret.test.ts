import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeDocuments } from '../../bench/regret/documents.js';
import { bestGain, scoreAdvice } from '../../bench/regret/score.js';
import { moduleOf, tasks } from '../../bench/regret/tasks.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { trialsOf } from '../runs.js';
import { baseline, strategies } from './support.js';

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

  it('is not given if there are too few rounds', () => {
    assert.equal(scored(13).score, null);
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
