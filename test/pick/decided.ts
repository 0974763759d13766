import assert from 'node:assert/strict';
import { type Constraints, unconstrained } from '../../bench/pick/constraints.js';
import { type Decided, type Decision, decide } from '../../bench/pick/decide.js';
import type { ResponsivenessRow } from '../../bench/tables/responsiveness-columns.js';
import { summarise } from '../../bench/tables/summarise.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { environmentOf, trialsOf } from '../runs.js';
import { baseline, strategies } from './support.js';

/** Decides from twelve rounds of made-up trials, under these constraints. */
export function decided(
  constraints: Partial<Constraints> = {},
  more: { trials?: TrialRow[]; responsiveness?: ResponsivenessRow[] } = {},
): Decided {
  const trials =
    more.trials ??
    trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2],
      change: ({ round, strategy, workers }) => ({
        memory_peak_bytes: 50e6 + (strategy === baseline.name ? 0 : workers * 30e6),
        startup_ms: 100,
        latency_p99_ms: 10 * workers + (round % 2),
      }),
    });
  const summaries = summarise(trials, {
    effectiveCores: 2,
    corpora: [{ workload: 'word-frequency', corpus: 'docs' }],
    strategies,
  });
  return decide({
    trials,
    summaries,
    responsiveness: more.responsiveness ?? [],
    constraints: { ...unconstrained, ...constraints },
    strategies,
    corpus: 'docs',
  });
}

export function chosen(decision: Decided): Decision {
  assert.equal(decision.state, 'chosen');
  return decision as Decision;
}

/** The words about a decision need these beside it. No limit was set, and the task never failed. */
export const words = {
  environment: environmentOf(trialsOf({ corpora: { docs: 10_000 } }), {
    environment: { profile: 'pick' },
  }),
  strategies,
  costs: null,
  isolated: null,
  latencyP99Ms: null,
  judged: null,
  failedShare: 0,
};
