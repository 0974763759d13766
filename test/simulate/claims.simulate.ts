import assert from 'node:assert/strict';
import { it } from 'node:test';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { groupBy } from '../../bench/stats/group-by.js';
import { type Family, interval, moderate } from '../../bench/stats/moderated.js';
import { Store } from '../../bench/tables/store.js';
import { summarise } from '../../bench/tables/summarise.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { practicalMargin } from '../../bench/verdict/choice.js';
import { marginsOf } from '../../bench/verdict/compare.js';
import { conclude } from '../../bench/verdict/conclude.js';
import { configurationName, familyOf, logRates } from '../../bench/verdict/configurations.js';
import { crossovers } from '../../bench/verdict/crossovers.js';
import { changesWithSize } from '../../bench/verdict/size-changes.js';
import { strategies as entries } from '../../strategies/index.js';

/**
 * Three rounds of the published run are drawn 200 times. What they claim of crossovers and of changes with
 * size is held against all rounds, which deny at most one claim in twenty. Captions are made of these
 * claims.
 */

const draws = 200;
const roundsPerDraw = 3;
const maxDenied = 0.05;

const store = Store.open('results/reference');
const trials = store.trials();
const { corpora, cores, seed } = store.environment();
const strategies = (await loadStrategies(entries.map(({ url }) => url))).map(({ strategy }) => strategy);
const baseline = strategies.find((strategy) => strategy.baseline)?.name;
const whole = new Map(
  [...groupBy(trials, familyOf)].map(([key, family]) => [key, moderate(logRates(family))]),
);

/** The rounds that were measured to their end. */
const perRound = Math.max(...[...groupBy(trials, ({ round }) => round).values()].map(({ length }) => length));
const complete = [...groupBy(trials, ({ round }) => round)]
  .filter(([, own]) => own.length === perRound)
  .map(([round]) => round);

/** Each claim is true where the whole run denies it. */
type Denials = Record<'change with size' | 'gain from a size on' | 'no gain at a size', boolean[]>;

it('few claims from three rounds are denied by the whole run', (context) => {
  const denials: Denials = { 'change with size': [], 'gain from a size on': [], 'no gain at a size': [] };
  const random = xoroshiro128plus(1);
  for (let draw = 0; draw < draws; draw++) {
    const rounds = new Set<number>();
    while (rounds.size < roundsPerDraw)
      rounds.add(complete[uniformInt(random, 0, complete.length - 1)] as number);
    const drawn = trials.filter(({ round }) => rounds.has(round));
    claimChanges(drawn, denials);
    claimCrossovers(drawn, denials);
  }
  for (const [claim, denied] of Object.entries(denials)) {
    const count = denied.filter(Boolean).length;
    context.diagnostic(`${claim}: ${denied.length} claims in ${draws} draws, ${count} denied`);
    assert.ok(count <= maxDenied * denied.length, `${claim}: ${count} of ${denied.length} claims are denied`);
  }
});

function claimChanges(drawn: readonly TrialRow[], denials: Denials): void {
  const summaries = summarise(drawn, {
    effectiveCores: cores.effective,
    corpora,
    strategies,
  });
  const conclusions = conclude(summaries, {
    trials: drawn,
    strategies,
    margins: marginsOf(drawn),
    claims: 'suggests',
  });
  for (const members of groupBy(conclusions, ({ workload }) => workload).values())
    for (const { from, to } of changesWithSize(members).filter((change) => change.shown)) {
      const [small, large] = [from.choice, to.choice].map(configurationName) as [string, string];
      // Either choice would have to be better at the size of the other.
      denials['change with size'].push(
        isFaster(whole.get(familyOf(from)), large, small) || isFaster(whole.get(familyOf(to)), small, large),
      );
    }
}

function isFaster(family: Family | undefined, a: string, b: string): boolean {
  const difference = family?.difference(a, b);
  const ends = difference == null ? null : interval(difference);
  return ends !== null && ends.low > 0;
}

function claimCrossovers(drawn: readonly TrialRow[], denials: Denials): void {
  const rows = crossovers(drawn, { seed, workloads: corpora.map(({ workload }) => workload), strategies });
  const reference = drawn.find(({ strategy }) => strategy === baseline) as TrialRow;
  for (const row of rows) {
    const gains = drawn
      .filter((trial) => trial.workload === row.workload && trial.strategy === row.strategy)
      .filter((trial) => trial.workers === row.workers && trial.delivery === row.delivery)
      .map((trial) => {
        const family = whole.get(familyOf(trial));
        const difference = family?.difference(configurationName(row), configurationName(reference));
        return { bytes: trial.document_bytes, ends: difference == null ? null : interval(difference) };
      });
    const { shown_from_bytes: from, shown_until_bytes: until } = row;
    if (from !== null)
      denials['gain from a size on'].push(
        gains.some(({ bytes, ends }) => bytes >= from && ends !== null && ends.high < practicalMargin),
      );
    if (until !== null)
      denials['no gain at a size'].push(
        gains.some(({ bytes, ends }) => bytes === until && ends !== null && ends.low > practicalMargin),
      );
  }
}
