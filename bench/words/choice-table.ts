import type { Decision } from '../pick/decide.js';
import { memoryOf } from '../tables/memory.js';
import type { Relation } from '../verdict/choice.js';
import { hasInterval, intervalText, shortNamer } from './configuration.js';
import { cellsOf, type VerdictOptions } from './decision.js';
import { boundText } from './loss.js';
import type { TextTable } from './text-table.js';
import { megabytes, number, ratio, sizesOf } from './units.js';

/** The decision as a table with one row: what to use, what it gains and needs, and what is as good. */
export function choiceTable(decision: Decision, { environment, strategies }: VerdictOptions): TextTable {
  const { choice, speedup, rate, tied, regretBound } = decision;
  const short = shortNamer(strategies, cellsOf(decision, environment));
  const corpus = environment.corpora.find((entry) => entry.corpus === choice.corpus);
  const memory = memoryOf(choice);
  const named = (relation: Relation) =>
    tied.filter((one) => one.relation === relation).map(({ cell }) => short(cell));
  return {
    header: [
      'documents',
      'use',
      '× sequential',
      '95 % interval',
      'documents/s',
      'memory',
      'as good',
      'not told apart',
      'lost at most',
    ],
    numbersFrom: 9,
    groups: [
      [
        [
          corpus === undefined ? choice.corpus : sizesOf(corpus),
          short(choice),
          speedup === null ? '' : ratio(speedup.ratio),
          speedup === null ? '' : hasInterval(speedup) ? intervalText(speedup) : 'unknown',
          number(rate.mean),
          memory === null ? '' : megabytes(memory),
          shortened(named('as good')),
          shortened(named('not told apart')),
          boundText(regretBound),
        ],
      ],
    ],
  };
}

/** Names one configuration, or two if both are short, and counts the others: terminals are narrow. */
function shortened(names: readonly string[]): string {
  const two = names.slice(0, 2).join(', ');
  const shown = names.slice(0, two.length > maxWidth ? 1 : 2);
  const more = names.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** The names in one cell of the table have at most this many characters, unless a single one has more. */
const maxWidth = 36;
