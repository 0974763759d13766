import assert from 'node:assert/strict';
import { it } from 'node:test';
import { unconstrained } from '../../bench/pick/constraints.js';
import { decide } from '../../bench/pick/decide.js';
import { Store } from '../../bench/tables/store.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import { type Findings, findings } from '../../bench/verdict/findings.js';
import { strategies as entries } from '../../strategies/index.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { environmentOf, type RunChoice, trialsOf } from '../runs.js';

const traits: StrategyTraits[] = (await loadStrategies(entries.map(({ url }) => url))).map(
  ({ strategy }) => strategy,
);

/** Asserts that `recommend` without constraints chooses what `bench` and `report` say. */
function assertSameAnswer(found: Findings): void {
  assert.ok(found.conclusions.length > 0);
  for (const { workload, corpus, choice, regretBound } of found.conclusions) {
    const ofIt = <Row extends { readonly workload: string }>(rows: readonly Row[]) =>
      rows.filter((row) => row.workload === workload);
    const decided = decide({
      trials: ofIt(found.trials),
      summaries: ofIt(found.summaries),
      responsiveness: [],
      constraints: unconstrained,
      strategies: traits,
      corpus,
    });
    assert.ok(decided.state === 'chosen', `${workload} ${corpus}`);
    assert.equal(configurationName(decided.choice), configurationName(choice), `${workload} ${corpus}`);
    // The commands may round logarithms in different ways.
    assert.ok(Math.abs((decided.regretBound ?? 0) - (regretBound ?? 0)) < 1e-9);
  }
}

it('the published run gives the same answer from bench, report and recommend', () => {
  const store = Store.open('results/reference');
  assertSameAnswer(findings(store.trials(), { environment: store.environment(), strategies: traits }));
});

it('so do made-up runs, in every profile', () => {
  const runs: RunChoice[] = [
    { rounds: 3 },
    { rounds: 12, claims: 'verdicts' },
    { rounds: 3, cores: 4 },
    {
      rounds: 5,
      workloads: { 'word-frequency': 'cpu', 'llm-extract': 'io' },
      corpora: { '1KB': 1e3, '1MB': 1e6 },
    },
    { rounds: 3, corpora: { '100B': 100 } },
    { rounds: 1, claims: 'nothing' },
    {
      rounds: 3,
      workloads: { 'llm-extract': 'io' },
      change: ({ strategy }) => (strategy === 'queue' ? { per_worker: 4, wall_ms: 10 } : {}),
    },
  ];
  for (const choice of runs) {
    const trials = trialsOf(choice);
    assertSameAnswer(findings(trials, { environment: environmentOf(trials, choice), strategies: traits }));
  }
});
