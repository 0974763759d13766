import { groupBy } from '../group-by.js';
import type { TrialRow } from '../results/columns.js';

/** What a reader must know before the numbers: documents that failed, and a task that contradicts itself. */
export function warnings(trials: readonly TrialRow[]): string[] {
  return [...groupBy(trials, ({ workload, corpus }) => JSON.stringify([workload, corpus])).values()].flatMap((family) => {
    const { workload, corpus, documents } = family[0] as TrialRow;
    const failed = Math.max(
      0,
      ...family.filter(({ status }) => status === 'ok').map(({ outcomes_failed, passes }) => (outcomes_failed ?? 0) / (passes ?? 1)),
    );
    const contradicted = family.some(({ strategy, digest_matches }) => strategy === 'sequential' && digest_matches === false);
    return [
      ...(failed > 0
        ? [`warning: ${workload} failed on ${Math.ceil(failed)} of ${documents} documents (${corpus}); its rates count them as done`]
        : []),
      ...(contradicted
        ? [
            `warning: ${workload} gave different results for the same document one after the other (${corpus}): it is not deterministic; export a digest() of what must be equal`,
          ]
        : []),
    ];
  });
}
