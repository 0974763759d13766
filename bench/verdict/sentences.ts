import { groupBy } from '../stats/group-by.js';
import type { SummaryRow } from '../tables/columns.js';
import { seriesName } from '../tables/series.js';
import type { SituationRow } from '../tables/situation-columns.js';
import { listed, ratio } from '../words/units.js';
import { type Conclusion, type Confidence, familyOf } from './conclude.js';

/**
 * A workload's conclusions in three plain sentences: what to use and what it gains; how sure that is; where it flips.
 * @param conclusions all of one workload, from the smallest documents to the largest.
 */
export function sentences(
  conclusions: readonly Conclusion[],
  situations: readonly SituationRow[] = [],
): string[] {
  const [first] = conclusions;
  if (first === undefined) return [];
  if (conclusions.every(({ fastest, claims }) => fastest.rounds < 2 || claims === 'nothing')) {
    return [
      `${first.workload}: this shows that everything works and says nothing about what is faster; run a profile with more rounds.`,
    ];
  }
  return [suggestion(conclusions), confidence(conclusions), flips(conclusions, situations)];
}

/** A list of sentences for each workload, in the order of the conclusions. */
export function sentencesByWorkload(
  conclusions: readonly Conclusion[],
  situations: readonly SituationRow[] = [],
): string[][] {
  return [...groupBy(conclusions, ({ workload }) => workload).values()].map((members) =>
    sentences(members, situations),
  );
}

/** "For word-frequency this run suggests `partitioned` with 2 workers at 10KB and 100KB (1.85× sequential, 1.80–1.90; 1.9×, …)." */
function suggestion(conclusions: readonly Conclusion[]): string {
  const workload = (conclusions[0] as Conclusion).workload;
  const groups = [...groupBy(conclusions, (conclusion) => inWords(conclusion)).entries()];
  const parts = groups.map(([words, members]) => {
    const where = conclusions.length > 1 ? ` at ${listed(members.map(({ corpus }) => corpus))}` : '';
    const baseline = members.some(({ choice }) => choice.strategy === 'sequential');
    return `${words}${where}${baseline ? ', where nothing beats it,' : ` (${members.map(({ choice }) => gain(choice)).join('; ')})`}`;
  });
  const verb = (conclusions[0] as Conclusion).claims === 'verdicts' ? 'use' : 'this run suggests';
  return `For ${workload} ${verb} ${listed(parts).replace(/,$/, '')}.`;
}

/** "Clear at 10KB (next `queue`, 0.95× the highest rate, 0.93–0.97); a tie at 1KB with `partitioned`: the simplest is suggested." */
function confidence(conclusions: readonly Conclusion[]): string {
  const by = (word: Confidence) => conclusions.filter((conclusion) => conclusion.confidence === word);
  const said = (members: readonly Conclusion[], words: (conclusion: Conclusion) => string) =>
    [...groupBy(members, words)].map(([text, group]) =>
      conclusions.length > 1 ? `at ${listed(group.map(({ corpus }) => corpus))} ${text}` : text,
    );
  const [clear, tie, open] = [by('clear'), by('tie'), by('inconclusive')];
  return sentence([
    ...(clear.length > 0 ? [`clear ${listed(said(clear, runnerUp))}`] : []),
    ...(tie.length > 0
      ? [
          `a tie ${listed(said(tie, (conclusion) => `with ${rivals(conclusion)}`))}: the simplest is suggested`,
        ]
      : []),
    ...(open.length > 0
      ? [
          `inconclusive ${listed(said(open, (conclusion) => (conclusion.fastest.rounds < 2 ? 'from a single round' : `against ${rivals(conclusion)}`)))}: more rounds would tell`,
        ]
      : []),
  ]);
}

function rivals({ tied, choice }: Conclusion): string {
  const names = [...new Set(tied.map((row) => seriesName(row, tied)))].filter(
    (name) => name !== seriesName(choice, tied),
  );
  return listed(names.map((name) => `\`${name}\``));
}

function runnerUp({ next }: Conclusion): string {
  if (next === null) return 'for want of others';
  const interval =
    next.ratio_low === null || next.ratio_high === null
      ? ''
      : `, ${next.ratio_low.toFixed(2)}–${next.ratio_high.toFixed(2)}`;
  return `(next \`${next.strategy}\`, ${ratio(next.ratio)} the highest rate${interval})`;
}

function flips(conclusions: readonly Conclusion[], situations: readonly SituationRow[]): string {
  return sentence(
    [bySize(conclusions), moreWorkers(conclusions), isolated(conclusions, situations)].filter(
      (part) => part !== null,
    ),
  );
}

/** Where the choice changes with the size of the documents. */
function bySize(conclusions: readonly Conclusion[]): string {
  const [first] = conclusions as [Conclusion];
  if (conclusions.length === 1)
    return `only one corpus (${first.corpus}) was measured, so where this flips with size is not known`;
  const changes = conclusions.slice(1).flatMap((conclusion, i) => {
    const before = conclusions[i] as Conclusion;
    const [from, to] = [before, conclusion].map(({ choice, atBest }) => seriesName(choice, atBest));
    return from === to
      ? []
      : [`from \`${from}\` to \`${to}\` between ${before.corpus} and ${conclusion.corpus}`];
  });
  const last = conclusions.at(-1) as Conclusion;
  return changes.length > 0
    ? `it flips ${listed(changes)}`
    : `it does not flip between ${first.corpus} and ${last.corpus}`;
}

/** What the worker counts beyond the choice bring. */
function moreWorkers(conclusions: readonly Conclusion[]): string | null {
  const largest = Math.max(...conclusions.flatMap(({ levels }) => levels));
  const workers = [...new Set(conclusions.map(({ choice }) => choice.workers))];
  const [kind] = conclusions.map(({ kind }) => kind);
  if (workers.length !== 1 || workers[0] === 1) return null;
  if (kind !== 'cpu' && workers[0] === largest) {
    return `the work mostly waits, and the rate still rises at ${largest} in flight, the most that was measured`;
  }
  return workers[0] === largest
    ? null
    : `more than ${workers[0]} workers gained nothing that this run can show`;
}

/** What to use where the choice's isolation is not enough. */
function isolated(conclusions: readonly Conclusion[], situations: readonly SituationRow[]): string | null {
  const others = conclusions.flatMap((conclusion) => {
    const row = situations.find(
      (row) => row.situation === 'isolation' && familyOf(row) === familyOf(conclusion),
    );
    return row === undefined || row.strategy === null || row.strategy === conclusion.choice.strategy
      ? []
      : [row];
  });
  if (others.length === 0) return null;
  const parts = [
    ...groupBy(
      others,
      ({ strategy, workers }) => `\`${strategy}\` with ${workersInWords(workers as number)}`,
    ),
  ].map(([words, rows]) =>
    conclusions.length === 1 ? words : `${words} at ${listed(rows.map(({ corpus }) => corpus))}`,
  );
  return `where a crash must not end the caller use ${listed(parts)}`;
}

function sentence(parts: readonly string[]): string {
  const text = parts.join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function workersInWords(workers: number): string {
  return `${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

function inWords({ choice, atBest }: Conclusion): string {
  const { strategy, workers } = choice;
  if (strategy === 'sequential') return '`sequential`';
  return `\`${seriesName(choice, atBest)}\` with ${workersInWords(workers)}`;
}

function gain({ speedup, speedup_low, speedup_high }: SummaryRow): string {
  if (speedup === null) return 'sequential was not measured';
  const interval =
    speedup_low === null || speedup_high === null
      ? ''
      : `, ${speedup_low.toFixed(2)}–${speedup_high.toFixed(2)}`;
  return `${ratio(speedup)} sequential${interval}`;
}
