/** How many documents one timed pass of a configuration has. */

/**
 * * Documents per worker in a pass. With fewer than four, a rate says more about the begin and the end of a
 * pass than about its middle; the smaller numbers are for documents so slow that there is no time for more.
 */
export const documentsPerWorker = [4, 2, 1] as const;
/** Shortest duration of a pass, if there are enough documents. */
const minPassMs = 200;
/** A sample has at most this many different documents. */
export const maxSampled = 1000;
/**
 * Documents in a pass, repetitions included. Passes of a few milliseconds consist mostly of begin and end.
 */
export const maxDocumentsInPass = 10_000;

/** Enough documents for a pass of the shortest duration, and for every worker to get several. */
export function documentsForPass({
  maxRate,
  workers,
  perWorker,
}: {
  /** Documents per second that the configuration can reach. */
  readonly maxRate: number;
  readonly workers: number;
  readonly perWorker: number;
}): number {
  return Math.max(Math.ceil((maxRate * minPassMs) / 1000), perWorker * workers);
}

/**
 * * Rounds the wanted number of documents so that a pass has every document equally often: if sizes are
 * skewed and a large document came three times while others came twice, that would be another corpus. A
 * subset is returned only if half of the documents would already be too many.
 * @param unique documents without repetitions
 */
export function timesOver(
  unique: number,
  { wanted, max }: { readonly wanted: number; readonly max: number },
): number {
  if (2 * wanted < unique) return wanted;
  return unique * Math.max(1, Math.min(Math.round(wanted / unique), Math.floor(max / unique)));
}
