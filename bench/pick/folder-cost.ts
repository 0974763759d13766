import { median } from '../stats/estimate.js';

/** A document whose cost was measured: it ran once, alone. */
export interface TimedDocument {
  readonly bytes: number;
  readonly ms: number;
}

/** The estimated mean cost of all documents of a folder. */
export interface FolderCost {
  readonly documents: number;
  readonly meanMs: number;
  /** Standard error of the mean ÷ the mean; 0 if every document was timed. */
  readonly relativeError: number;
}

export interface FolderCostOptions {
  /** A sample of the folder's documents, the large ones excluded. */
  readonly timed: readonly TimedDocument[];
  /** Sizes of all documents of the folder, the large ones excluded; bytes. */
  readonly sizes: readonly number[];
  /** The large documents, which are timed one by one; `ms` is null if there was no time for one. */
  readonly large: readonly { readonly bytes: number; readonly ms: number | null }[];
}

/** Assumed standard deviation of a cost that is only guessed from the size, as a share of it. */
const guessError = 0.5;

/**
 * Estimates what the average document of a folder costs: the costs of the timed documents are known, and
 * those of the others are predicted from their sizes. The line and its error come from the timed ones.
 * Costs of large documents scatter more than those of small ones, so deviations count in proportion to the
 * size (a model-based estimate for a finite population: R. M. Royall 1970, Biometrika 57).
 */
export function folderCost({ timed, sizes, large }: FolderCostOptions): FolderCost {
  const scale = Math.max(1, scaleShare * (median(sizes) ?? 0));
  const others = without(
    sums(sizes, scale),
    sums(
      timed.map(({ bytes }) => bytes),
      scale,
    ),
  );
  const line = fittedLine(timed, scale);
  const timedMs = timed.reduce((sum, { ms }) => sum + ms, 0);
  const predictedMs = Math.max(0, line.base * others.count + line.perByte * others.bytes);
  const perByte = costPerByte([...timed, ...large]);
  const largeMs = large.reduce((sum, { bytes, ms }) => sum + (ms ?? bytes * perByte), 0);
  const guessed = large.filter(({ ms }) => ms === null).map(({ bytes }) => guessError * bytes * perByte);
  const totalMs = timedMs + predictedMs + largeMs;
  const documents = sizes.length + large.length;
  return {
    documents,
    meanMs: totalMs / documents,
    relativeError: Math.hypot(line.error(others), ...guessed) / Math.max(totalMs, 1e-9),
  };
}

/** Up to this share of the median size, the scatter of costs does not depend on the size. */
const scaleShare = 0.25;

/**
 * Sums over documents. A document's spread is the factor by which its cost scatters more than that of an
 * empty one.
 */
interface Sums {
  readonly count: number;
  readonly bytes: number;
  readonly squaredSpreads: number;
}

function spreadOf(bytes: number, scale: number): number {
  return 1 + bytes / scale;
}

function sums(sizes: readonly number[], scale: number): Sums {
  return {
    count: sizes.length,
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    squaredSpreads: sizes.reduce((sum, bytes) => sum + spreadOf(bytes, scale) ** 2, 0),
  };
}

function without(all: Sums, some: Sums): Sums {
  return {
    count: Math.max(0, all.count - some.count),
    bytes: Math.max(0, all.bytes - some.bytes),
    squaredSpreads: all.count <= some.count ? 0 : Math.max(0, all.squaredSpreads - some.squaredSpreads),
  };
}

interface Line {
  readonly base: number;
  readonly perByte: number;
  /** Standard error of the predicted sum of costs. */
  readonly error: (others: Sums) => number;
}

/** A line through fewer documents would follow chance: their mean cost is used instead. */
const minForSlope = 10;

/** Weighted least squares of cost on size. */
function fittedLine(timed: readonly TimedDocument[], scale: number): Line {
  const weighted = timed.map(({ bytes, ms }) => ({ bytes, ms, weight: spreadOf(bytes, scale) ** -2 }));
  const weights = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const x = weighted.reduce((sum, { bytes, weight }) => sum + weight * bytes, 0) / weights;
  const y = weighted.reduce((sum, { ms, weight }) => sum + weight * ms, 0) / weights;
  const spread = weighted.reduce((sum, { bytes, weight }) => sum + weight * (bytes - x) ** 2, 0);
  const slopes = timed.length >= minForSlope && spread > 0;
  const perByte = slopes
    ? weighted.reduce((sum, { bytes, ms, weight }) => sum + weight * (bytes - x) * (ms - y), 0) / spread
    : 0;
  const squares = weighted.reduce(
    (sum, { bytes, ms, weight }) => sum + weight * (ms - y - perByte * (bytes - x)) ** 2,
    0,
  );
  const df = timed.length - (slopes ? 2 : 1);
  // A single document says nothing about how costs scatter: assume that they differ by as much as they are.
  const variance = df > 0 ? squares / df : y ** 2;
  return {
    base: y - perByte * x,
    perByte,
    error({ count, bytes, squaredSpreads }) {
      const ofSlope = slopes ? (bytes - count * x) ** 2 / spread : 0;
      return Math.sqrt(variance * (squaredSpreads + count ** 2 / weights + ofSlope));
    },
  };
}

function costPerByte(documents: readonly { readonly bytes: number; readonly ms: number | null }[]): number {
  const known = documents.filter(({ ms }) => ms !== null);
  const bytes = known.reduce((sum, document) => sum + document.bytes, 0);
  return known.reduce((sum, { ms }) => sum + (ms ?? 0), 0) / Math.max(1, bytes);
}
