import type { Environment } from '../tables/environment.js';
import { type Named, shortNamer } from './configuration.js';
import { listed } from './units.js';

/** A run of `pick` says this about configurations that it has no trial of. */

/** More names would hide the sentence; `environment.json` has all. */
const maxNames = 2;
/** More reasons would make the sentence longer than 25 words. */
const maxReasons = 2;

/** The configurations without a trial, as names are made of them. */
export function notMeasuredRows({ not_measured: missing = [] }: Pick<Environment, 'not_measured'>): Named[] {
  return missing.map((one) => ({ ...one, per_worker: one.per_worker ?? null }));
}

export interface NotMeasuredOptions {
  readonly strategies: Parameters<typeof shortNamer>[0];
  /** The sentences name the delivery of a strategy that has another one here. */
  readonly measured: readonly Named[];
}

/** Two sentences, each of at most 25 words; none where every configuration was measured. */
export function notMeasuredSentences(
  { not_measured: missing = [] }: Pick<Environment, 'not_measured'>,
  { strategies, measured }: NotMeasuredOptions,
): string[] {
  const [first] = missing;
  if (first === undefined) return [];
  const rows = notMeasuredRows({ not_measured: missing });
  const name = shortNamer(strategies, [...rows, ...measured]);
  const shown = rows.slice(0, maxNames).map(name);
  const more = rows.length > maxNames ? [`${rows.length - maxNames} more`] : [];
  const were = rows.length === 1 ? 'configuration was' : 'configurations were';
  const reasons = [...new Set(missing.map(({ reason }) => reason))];
  const why = reasons.slice(0, maxReasons).join('; ');
  return [
    `${rows.length} ${were} not measured: ${listed([...shown, ...more])}.`,
    `Nothing is shown about ${rows.length === 1 ? 'it' : 'them'} (${why}).`,
  ];
}
