/**
 * A small model that turns rows of tokens into vectors. It needs no file and gives the same vectors on every
 * machine: it uses additions, multiplications and square roots alone, which IEEE 754 rounds in one way.
 */
export interface EmbeddingModel {
  /** Length of a vector. */
  readonly width: number;
  /** A row of `width` weights for each element of a vector, one row after the other. */
  readonly weights: Float32Array;
}

/**
 * Computes the weights: random rows, which Gram-Schmidt makes orthogonal and of length 1, as in the
 * orthogonal initialisation of neural networks (Saxe et al. 2013). It takes 2 × width³ operations, which is
 * about a second of computing at a width of 1024.
 */
export function loadModel(width: number): EmbeddingModel {
  const weights = new Float32Array(width * width);
  const random = uniform(1);
  for (let i = 0; i < weights.length; i++) weights[i] = random() + random() + random() - 1.5;
  for (let row = 0; row < width; row++) {
    const own = weights.subarray(row * width, (row + 1) * width);
    for (let before = 0; before < row; before++) {
      const other = weights.subarray(before * width, (before + 1) * width);
      const share = product(own, other);
      for (let i = 0; i < width; i++) own[i] = (own[i] as number) - share * (other[i] as number);
    }
    scale(own, 1 / Math.sqrt(product(own, own)));
  }
  return { width, weights };
}

/**
 * Embeds rows of tokens. A row's vector does not depend on the other rows, but four rows together take about
 * half as long as one by one: each weight is loaded once for all four, and their sums do not wait for each
 * other.
 * @returns a vector of length 1 for each row; of zeros for a row without tokens
 */
export function encode({ width, weights }: EmbeddingModel, rows: readonly Uint32Array[]): Float32Array[] {
  const features = rows.map((tokens) => featuresOf(tokens, width));
  const vectors = rows.map(() => new Float32Array(width));
  for (let at = 0; at < width; at++) {
    const own = weights.subarray(at * width, (at + 1) * width);
    let row = 0;
    for (; row + 4 <= rows.length; row += 4) fourProducts(own, { features, vectors, row, at });
    for (; row < rows.length; row++)
      (vectors[row] as Float32Array)[at] = Math.max(0, product(own, features[row] as Float32Array));
  }
  for (const vector of vectors) {
    const length = Math.sqrt(product(vector, vector));
    if (length > 0) scale(vector, 1 / length);
  }
  return vectors;
}

interface Four {
  readonly features: readonly Float32Array[];
  readonly vectors: readonly Float32Array[];
  /** The first of the four rows. */
  readonly row: number;
  /** The element of their vectors. */
  readonly at: number;
}

/** Adds in the same order as `product`, so that the results are the same bits. */
function fourProducts(weights: Float32Array, { features, vectors, row, at }: Four): void {
  const [a, b, c, d] = features.slice(row, row + 4) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    sumA += weight * (a[i] as number);
    sumB += weight * (b[i] as number);
    sumC += weight * (c[i] as number);
    sumD += weight * (d[i] as number);
  }
  for (const [i, sum] of [sumA, sumB, sumC, sumD].entries())
    (vectors[row + i] as Float32Array)[at] = Math.max(0, sum);
}

/** Counts the tokens by a part of their number; another bit says whether they count as 1 or as -1. */
function featuresOf(tokens: Uint32Array, width: number): Float32Array {
  const features = new Float32Array(width);
  for (const token of tokens) {
    const at = (token >>> 1) % width;
    features[at] = (features[at] as number) + ((token & 1) === 0 ? 1 : -1);
  }
  return features;
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function scale(vector: Float32Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) * factor;
}

/** Returns a generator (Mulberry32) of random numbers from 0 to 1, the same for the same seed. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
