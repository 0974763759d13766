import type { Conclusion } from '../verdict/conclude.js';
import { changesWithSize, type SizeChange } from '../verdict/size-changes.js';
import { namer } from './configuration.js';

/**
 * Says where the choice changes with the size of the documents: "between A and B" where both sizes show it,
 * "not shown" where they do not. Null where the choice is the same at every size, which the first sentence of
 * the advice says.
 */
export function sizeChanges(conclusions: readonly Conclusion[]): string | null {
  const [first] = conclusions;
  if (first === undefined) return null;
  // The user's own documents, and mixed ones, have the sizes that matter.
  if (conclusions.length === 1 && severalSizes.includes(first.corpus)) return null;
  if (conclusions.length === 1)
    return `Only ${first.corpus} was measured: whether the choice changes with size is not shown.`;
  const changes = changesWithSize(conclusions);
  if (changes.length === 0) return null;
  const all = conclusions.flatMap(({ atBest }) => atBest);
  const name = namer(first.strategies, all);
  const shown = changes.filter((change) => change.shown);
  const open = changes.filter((change) => !change.shown);
  const [only] = shown;
  if (only === undefined) return `That the choice must change between ${spanOf(open)} is not shown.`;
  const names = `from ${name(only.from.choice)} to ${name(only.to.choice)}`;
  const how = shown.length === 1 ? names : `${shown.length} times`;
  const changed = `The choice changes ${how} between ${spanOf(shown)}`;
  return open.length === 0 ? `${changed}.` : `${changed}; other changes are not shown.`;
}

/** These corpora have documents of several sizes. */
const severalSizes = ['docs', 'mixed'];

/** Names the smallest and the largest size of these changes. */
function spanOf(changes: readonly SizeChange[]): string {
  return `${changes[0]?.from.corpus} and ${changes.at(-1)?.to.corpus}`;
}
