import { groupBy } from '../../stats/group-by.js';
import type { HintRow } from '../../tables/situation-columns.js';
import { namer } from '../../words/configuration.js';
import { counted, listed } from '../../words/units.js';
import { configurationName, familyOf, isBaseline } from '../configurations.js';
import { type HintData, note, type Rule, warning } from './hint.js';

/** Hints about what the run measured, and what it left out. */
export const planHints: readonly Rule[] = [
  noBaseline,
  fewRounds,
  inconclusive,
  narrowCorpus,
  moreWorkersUntried,
];

function noBaseline({ summaries, strategies }: HintData): HintRow[] {
  const without = [...groupBy(summaries, familyOf).values()].filter(
    (family) => !family.some((row) => isBaseline(strategies, row) && row.rounds > 0),
  );
  const baseline = strategies.find((strategy) => strategy.baseline)?.name;
  if (without.length === 0 || baseline === undefined) return [];
  const places = without.map((family) => `${family[0]?.workload} ${family[0]?.corpus}`);
  return [
    warning(
      'no-baseline',
      `${baseline} has no valid trial for ${listed(places)}: speed-ups are unknown`,
      `measure ${baseline}, too`,
    ),
  ];
}

function fewRounds({ environment, trials }: HintData): HintRow[] {
  const rounds = new Set(trials.map(({ round }) => round)).size;
  if (environment.claims === 'verdicts' || rounds === 0) return [];
  const words = counted(rounds, 'round');
  return [
    note(
      'few-rounds',
      `${words} of the profile ${environment.profile}: a suggestion at most`,
      'forkwise bench --profile standard measures until the intervals are narrow',
    ),
  ];
}

function inconclusive({ comparisons }: HintData): HintRow[] {
  const against = comparisons.filter(({ reference }) => reference === 'best');
  const open = against.filter(({ verdict }) => verdict === 'inconclusive');
  if (open.length === 0) return [];
  return [
    note(
      'inconclusive',
      `${open.length} of ${against.length} comparisons with the fastest are inconclusive`,
      'more rounds may settle them: more_rounds in comparisons.csv says how many',
    ),
  ];
}

function narrowCorpus({ summaries }: HintData): HintRow[] {
  const narrow = [...groupBy(summaries, ({ workload }) => workload)].filter(([, rows]) => {
    const corpora = new Set(rows.map(({ corpus }) => corpus));
    return corpora.size === 1 && !corpora.has('docs') && !corpora.has('mixed');
  });
  if (narrow.length === 0) return [];
  const workloads = listed(narrow.map(([workload]) => workload));
  return [
    note(
      'narrow-corpus',
      `${workloads}: one size was measured, so it is unknown where the choice changes with size`,
      'give --sizes of several magnitudes, or --docs with your own documents',
    ),
  ];
}

/**
 * The choice at the largest number of workers beats its own strategy with fewer workers, beyond the margin.
 */
function moreWorkersUntried({ conclusions, strategies }: HintData): HintRow[] {
  const rising = conclusions.filter(({ choice, levels, relations }) => {
    const fewer = levels.filter((level) => level < choice.workers).at(-1);
    if (choice.workers !== levels.at(-1) || fewer === undefined) return false;
    return relations.get(configurationName({ ...choice, workers: fewer })) === 'slower';
  });
  const [first] = rising;
  if (first === undefined) return [];
  const name = namer(strategies)(first.choice).replaceAll('`', '');
  return [
    note(
      'more-workers-untried',
      `${first.workload} ${first.corpus}: ${name} still gains, and nothing larger was measured`,
      'give --workers larger numbers',
    ),
  ];
}
