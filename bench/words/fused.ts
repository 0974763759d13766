import type { SummaryRow } from '../tables/summary-columns.js';
import type { Conclusion } from '../verdict/conclude.js';
import type { FusedOrStaged } from '../verdict/fused.js';
import { namer, withInterval } from './configuration.js';

/** These sentences say whether the stages of a task are to have workers of their own. */

/** At most two sentences of at most 25 words. @param where follows the first one, as in ` at 10KB` */
export function fusedSentences(
  { use, other, ratio, relation, onlyComputes }: FusedOrStaged,
  name: (cell: SummaryRow) => string,
  where = '',
): string[] {
  const advice =
    use === 'fused' ? 'Run all stages of a document in one worker' : 'Give each stage workers of its own';
  const rate = ratio === null ? 'has no round in common with it' : `reached ${withInterval(ratio)} its rate`;
  const close = relation === 'as good' || relation === 'not told apart' ? `, which is ${relation}` : '';
  return [
    `${advice}${where}: ${name(other)} ${rate}${close}.`,
    ...(onlyComputes
      ? [
          'The stages compute: on the same cores, workers for each stage cannot beat running each document ' +
            'to completion.',
        ]
      : []),
  ];
}

/** The sentences for each workload and size that was measured both ways. */
export function fusedByWorkload(conclusions: readonly Conclusion[]): string[] {
  const both = conclusions.filter(({ staged, claims }) => staged !== null && claims !== 'nothing');
  const sentences = both.flatMap(({ staged, corpus, atBest, strategies }) =>
    fusedSentences(
      staged as FusedOrStaged,
      namer(strategies, atBest),
      both.length > 1 ? ` at ${corpus}` : '',
    ),
  );
  return [...new Set(sentences)];
}
