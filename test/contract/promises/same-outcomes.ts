import assert from 'node:assert/strict';
import { outcomeDigest } from '../../../bench/trials/digest.js';
import { strategies as entries } from '../../../strategies/index.js';
import type { Strategy } from '../../../strategies/strategy.js';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { openable, outcomesOf, withSession } from '../../support.js';

const [sequential] = (await openable(entries.slice(0, 1))) as [Strategy];
const workers = 3;

// Fewer documents than workers, and none, are where counting goes wrong.
const corpora = [0, 1, workers - 1, 11].map(
  (count) => syntheticCorpus({ name: 'tiny', size: 500, count, complexity: 'medium', seed: 3 }).documents,
);

/** Asserts that the strategies have the same outcomes for a workload as the baseline. */
export async function sameOutcomes(ref: WorkloadRef, strategies: readonly Strategy[]): Promise<void> {
  const workload = await loadWorkload(ref);
  const run = (strategy: Strategy) =>
    withSession(strategy, ref, { workers: strategy.scales ? workers : 1 }, async (session) => {
      const passes: string[][] = [];
      for (const documents of corpora) {
        const outcomes = await outcomesOf(session, documents, documents.length);
        for (const [i, outcome] of outcomes.entries()) {
          assert.equal(outcome.id, documents[i]?.id);
          assert.equal(outcome.status, 'ok');
          assert.ok((outcome.taskMs ?? -1) >= 0);
          // The clocks of two machines cannot be compared.
          if (strategy.isolation === 'machine') assert.equal(outcome.queuedMs, null);
          else assert.ok((outcome.queuedMs ?? -1) >= 0);
        }
        passes.push(outcomes.map((outcome) => outcomeDigest(outcome, workload)));
      }
      return passes;
    });
  const expected = await run(sequential);
  assert.equal(
    new Set(expected.at(-1)).size > 1 || ref.name === 'sleep',
    true,
    'different documents have different digests',
  );
  for (const strategy of strategies) assert.deepEqual(await run(strategy), expected, strategy.name);
}
