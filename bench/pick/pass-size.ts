import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Kind } from '../../workloads/workload.js';

/** How many documents one timed pass of a configuration has. */

/**
 * Documents per worker in a pass. With fewer than four, a rate says more about the begin and the end of a
 * pass than about its middle; the smaller numbers are for documents so slow that there is no time for more.
 */
export const documentsPerWorker = [4, 2, 1] as const;
/**
 * Tasks that wait get this many for each document in flight, if there is time. Those in flight begin together
 * and end in waves: with four of each, the begin and the end of a pass took a sixth of it.
 */
const documentsPerWait = 8;
/** Shortest duration of a pass, if there are enough documents. */
const minPassMs = 200;
/** A sample has at most this many different documents. */
export const maxSampled = 1000;
/**
 * Documents in a pass, repetitions included. Passes of a few milliseconds consist mostly of begin and end.
 */
export const maxDocumentsInPass = 10_000;

export interface PassTask {
  readonly kind: Kind;
  /** The task is called no more often than this; absent or null: as often as the time allows. */
  readonly maxCalls?: number | null;
}

/** Documents per worker in a pass, the most that is worth its time first. */
export function perWorkerInPass({ kind, maxCalls }: PassTask): readonly number[] {
  return kind === 'cpu' || maxCalls != null ? documentsPerWorker : [documentsPerWait, ...documentsPerWorker];
}

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
 * Rounds the wanted number of documents so that a pass has every document equally often: if sizes are
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

/** How many documents of average size fit into a number of bytes. */
export function documentsWithin(
  maxBytes: number,
  { bytes, documents }: { readonly bytes: number; readonly documents: number },
): number {
  return Math.floor(maxBytes / Math.max(1, bytes / documents));
}

/**
 * Orders documents so that every prefix has cheap and expensive ones in the right proportion: each power of
 * two of them is a sample stratified by cost. Within those groups the order is random.
 * @returns indices into `costs`
 */
export function stratifiedOrder(costs: readonly number[], seed: number): number[] {
  const byCost = costs.map((_, i) => i).sort((a, b) => (costs[a] as number) - (costs[b] as number) || a - b);
  const places = 2 ** Math.ceil(Math.log2(Math.max(1, costs.length)));
  const bits = Math.log2(places);
  const order: number[] = [];
  for (let i = 0; i < places; i++) {
    const place = reversedBits(i, bits);
    if (place < costs.length) order.push(byCost[place] as number);
  }
  return shuffledInGroups(order, seed);
}

function reversedBits(value: number, bits: number): number {
  let reversed = 0;
  for (let bit = 0; bit < bits; bit++) if (value & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
  return reversed;
}

/** The places 2 and 3 are shuffled, then 4 to 7, then 8 to 15, and so on. */
function shuffledInGroups(order: readonly number[], seed: number): number[] {
  const random = xoroshiro128plus(seed);
  const shuffled = [...order];
  for (let from = 2; from < shuffled.length; from *= 2) {
    for (let i = Math.min(2 * from, shuffled.length) - 1; i > from; i--) {
      const j = uniformInt(random, from, i);
      [shuffled[i], shuffled[j]] = [shuffled[j] as number, shuffled[i] as number];
    }
  }
  return shuffled;
}
