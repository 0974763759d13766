import type { Environment } from '../tables/environment.js';
import type { TrialRow } from '../tables/trial-columns.js';

/** Says that documents were files, and what that means for rates. */

/** Names a corpus, and says where its documents were unless that was in memory. */
export function corpusInWords({ corpus, source }: Pick<TrialRow, 'corpus' | 'source'>): string {
  return source === null ? corpus : `${corpus} (${source})`;
}

/** Follows the description of documents that were read while the clock ran. */
export const fromFiles = 'read from files in a warm page cache';

/** Returns a sentence about a run whose documents were files; null where they were in memory. */
export function sourceSentence({ corpora }: Pick<Environment, 'corpora'>): string | null {
  if (!corpora.some(({ source }) => source === 'files')) return null;
  return `Every document was ${fromFiles}; rates and latencies include the reading.`;
}
