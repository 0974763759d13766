import { groupBy } from '../group-by.js';
import type { SummaryRow } from '../results/columns.js';
import { seriesName } from '../results/series.js';
import { listed, ratio } from '../units.js';
import type { Conclusion } from './conclude.js';

/**
 * A workload's conclusions in two or three plain sentences: what to use, what it gains, where it flips.
 * @param conclusions all of one workload, from the smallest documents to the largest.
 */
export function sentences(conclusions: readonly Conclusion[]): string[] {
  const [first] = conclusions;
  if (first === undefined) return [];
  if (conclusions.every(({ fastest, claims }) => fastest.rounds < 2 || claims === 'nothing')) {
    return [`${first.workload}: this shows that everything works and says nothing about what is faster; run a profile with more rounds.`];
  }
  return [suggestion(conclusions), flip(conclusions), moreWorkers(conclusions)].filter((sentence) => sentence !== null);
}

/** A list of sentences for each workload, in the order of the conclusions. */
export function sentencesByWorkload(conclusions: readonly Conclusion[]): string[][] {
  return [...groupBy(conclusions, ({ workload }) => workload).values()].map(sentences);
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

/** Where the choice changes with the size of the documents. */
function flip(conclusions: readonly Conclusion[]): string {
  const [first] = conclusions as [Conclusion];
  if (conclusions.length === 1) return `Only one corpus (${first.corpus}) was measured, so where this flips is not known.`;
  const flips = conclusions.slice(1).flatMap((conclusion, i) => {
    const before = conclusions[i] as Conclusion;
    const [from, to] = [before, conclusion].map(({ choice, atBest }) => seriesName(choice, atBest));
    return from === to ? [] : [`from \`${from}\` to \`${to}\` between ${before.corpus} and ${conclusion.corpus}`];
  });
  const last = conclusions.at(-1) as Conclusion;
  const held = conclusions.map(({ tied, choice }) =>
    tied.filter(({ strategy }) => strategy !== choice.strategy).map(({ strategy }) => strategy),
  );
  const equals = [...new Set(held.flat())].filter((name) => held.every((names) => names.includes(name)));
  const ties = equals.length > 0 ? `; ${listed(equals.map((name) => `\`${name}\``))} could not be told from it` : '';
  return flips.length > 0 ? `It flips ${listed(flips)}.` : `It does not flip between ${first.corpus} and ${last.corpus}${ties}.`;
}

/** What the worker counts beyond the choice bring. */
function moreWorkers(conclusions: readonly Conclusion[]): string | null {
  const largest = Math.max(...conclusions.flatMap(({ levels }) => levels));
  const workers = [...new Set(conclusions.map(({ choice }) => choice.workers))];
  const [kind] = conclusions.map(({ kind }) => kind);
  if (workers.length !== 1 || workers[0] === 1) return null;
  if (kind !== 'cpu' && workers[0] === largest) {
    return `The work mostly waits, and the rate still rises at ${largest} in flight, the most that was measured.`;
  }
  return workers[0] === largest ? null : `More than ${workers[0]} workers gained nothing that this run can show.`;
}

function inWords({ choice, atBest }: Conclusion): string {
  const { strategy, workers } = choice;
  if (strategy === 'sequential') return '`sequential`';
  return `\`${seriesName(choice, atBest)}\` with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

function gain({ speedup, speedup_low, speedup_high }: SummaryRow): string {
  if (speedup === null) return 'sequential was not measured';
  const interval = speedup_low === null || speedup_high === null ? '' : `, ${speedup_low.toFixed(2)}–${speedup_high.toFixed(2)}`;
  return `${ratio(speedup)} sequential${interval}`;
}
