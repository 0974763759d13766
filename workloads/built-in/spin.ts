import type { Context, Document, Kind } from '../workload.js';

export const kind: Kind = 'cpu';

/** This takes about 1 ms on a 2.6 GHz core. The number only has to be the same everywhere. */
const defaultIterations = 400_000;

/**
 * Does a fixed number of xorshift steps (Marsaglia 2003: 13, 17, 5) seeded by the document. This takes as
 * many instructions on an oversubscribed core as on an idle one, unlike a loop that runs until a time has
 * passed.
 */
export default function spin(document: Document, context: Context): number {
  const iterations = (context.options.iterations as number | undefined) ?? defaultIterations;
  let x = seedOf(document);
  for (let i = 0; i < iterations; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

/** Documents of one size differ by their ids. The place in the run is no seed: it changes with the run. */
function seedOf({ size, id }: Document): number {
  let seed = size + 1;
  for (let i = 0; i < id.length; i++) seed = (Math.imul(seed, 31) + id.charCodeAt(i)) | 0;
  return seed === 0 ? 1 : seed;
}
