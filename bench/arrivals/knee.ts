import { tQuantile } from '../stats/student-t.js';

/** One measurement of a configuration at one rate. */
export interface Probe {
  /** Documents that were due per second. */
  readonly rate: number;
  readonly documents: number;
  /** Documents beyond the limit, refused and failed ones included. */
  readonly misses: number;
}

/** The rate at which the allowed share of the documents misses the limit, and its 95 % interval. */
export interface KneeFit {
  readonly knee: number;
  readonly low: number;
  readonly high: number;
  /** The share of misses grows with this power of the rate. */
  readonly power: number;
  /** Variance of the number of misses ÷ their mean: 1 where they are independent of each other. */
  readonly dispersion: number;
}

/** A probe with a larger share of misses lies far beyond the knee, where the share bends. */
const nearShare = 0.15;
/** The share of misses grows with about this power of the rate near a knee; it weighs as ± 3. */
const usual = { power: 6, deviation: 3 };
/** The power is taken to be at least this: a share that hardly grows with the rate has no knee. */
const minPower = 1.5;
/** The knee lies at most this far (in logarithms) from the middle of the rates that were tried. */
const maxDistance = 0.35;

/**
 * Fits ln(share of misses) = a + b · ln(rate) to all probes by the likelihood of Poisson counts (McCullagh
 * and Nelder, Generalized Linear Models, 6), and solves it for the allowed share. Misses come in clusters, so
 * the interval is widened by the counts' dispersion around the fit.
 */
export function kneeOf(probes: readonly Probe[], allowed: number): KneeFit {
  const near = probes.filter(({ misses, documents }) => misses <= nearShare * documents);
  const used = near.length >= 2 ? near : probes;
  const middle = used.reduce((sum, { rate }) => sum + Math.log(rate), 0) / used.length;
  const points = used.map(({ rate, documents, misses }) => ({
    x: Math.log(rate) - middle,
    documents,
    misses,
  }));
  let a = Math.log(allowed);
  let b = usual.power;
  let information = { aa: 1, ab: 0, bb: 1 };
  for (let step = 0; step < 50; step++) {
    let [ga, gb] = [0, -(b - usual.power) / usual.deviation ** 2];
    information = { aa: 0, ab: 0, bb: 1 / usual.deviation ** 2 };
    for (const { x, documents, misses } of points) {
      const mean = documents * Math.min(1, Math.exp(a + b * x));
      ga += misses - mean;
      gb += (misses - mean) * x;
      information.aa += mean;
      information.ab += mean * x;
      information.bb += mean * x * x;
    }
    const { aa, ab, bb } = information;
    const determinant = aa * bb - ab * ab;
    if (!(determinant > 1e-12)) break;
    const [da, db] = [(bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant];
    // Long steps of Newton's method would overshoot where counts are 0.
    const scale = Math.min(1, 1 / Math.max(Math.abs(da), Math.abs(db) / 4));
    a += scale * da;
    b += scale * db;
    if (Math.abs(da) + Math.abs(db) < 1e-6) break;
  }
  const power = Math.max(b, minPower);
  const x = Math.max(-maxDistance, Math.min(maxDistance, (Math.log(allowed) - a) / power));
  const { aa, ab, bb } = information;
  const determinant = Math.max(1e-12, aa * bb - ab * ab);
  const dispersion = Math.max(1, dispersionOf(points, { a, b }));
  // Delta method for x = (ln(allowed) − a) / b.
  const variance = (dispersion * (bb - 2 * x * ab + x * x * aa)) / determinant / power ** 2;
  const half = tQuantile(0.975, Math.max(1, points.length - 2)) * Math.sqrt(Math.max(0, variance));
  const at = (offset: number) => Math.exp(middle + offset);
  return { knee: at(x), low: at(x - half), high: at(x + half), power, dispersion };
}

interface Point {
  readonly x: number;
  readonly documents: number;
  readonly misses: number;
}

/** Pearson's estimate of the dispersion. */
function dispersionOf(
  points: readonly Point[],
  { a, b }: { readonly a: number; readonly b: number },
): number {
  if (points.length < 4) return 1;
  const sum = points.reduce((total, { x, documents, misses }) => {
    const mean = Math.max(0.5, documents * Math.min(1, Math.exp(a + b * x)));
    return total + (misses - mean) ** 2 / mean;
  }, 0);
  return sum / (points.length - 2);
}
