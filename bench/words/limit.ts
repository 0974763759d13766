import { groupBy } from '../stats/group-by.js';
import type { Ratio } from '../verdict/choice.js';
import { type Conclusion, fastestOf } from '../verdict/conclude.js';
import { configurationName } from '../verdict/configurations.js';
import { namer } from './configuration.js';
import { listed, number } from './units.js';

/** How close a run came to the machine limit, where it measured that. */

/** "96.3 % (94.1–98.6)"; without the interval where its ends are not known. */
export function ofLimitText({ ratio, low, high }: Ratio): string {
  const percent = (share: number) => number(100 * share);
  const ends = low === null || high === null ? '' : ` (${percent(low)}–${percent(high)})`;
  return `${percent(ratio)} %${ends}`;
}

/** One sentence for each workload, about its fastest configuration at each size. */
export function limitSentences(conclusions: readonly Conclusion[]): string[] {
  return [...groupBy(conclusions, ({ workload }) => workload)].flatMap(([workload, members]) => {
    const parts = members.flatMap(({ corpus, atBest, ofLimit, strategies }) => {
      const compared = atBest.filter((cell) => ofLimit.has(configurationName(cell)));
      if (compared.length === 0) return [];
      const best = fastestOf(compared);
      const name = namer(strategies, atBest)(best);
      return [`${name} ${ofLimitText(ofLimit.get(configurationName(best)) as Ratio)} at ${corpus}`];
    });
    return parts.length === 0 ? [] : [`Share of the machine limit in ${workload}: ${listed(parts)}.`];
  });
}
