import { tCdf, tQuantile } from './student-t.js';

/** Degrees of freedom at which t is the normal distribution to six digits. */
const nearlyNormal = 1e6;

/**
 * Which percentile of bootstrap draws of n units (two at least) is the lower end of a 95 % interval; the upper end is as far from 1.
 *
 * A bootstrap of n units is too narrow by √((n − 1)/n) and by taking the normal quantile for t's; taking the percentiles at
 * Φ(−√(n/(n − 1))·t) instead of at 2.5 % repairs both and keeps the interval inside the parameter's range, which t intervals about
 * a parameter near its bound would leave (T. Hesterberg, What Teachers Should Know About the Bootstrap, 2015, 3.3).
 */
export function expandedTail(units: number): number {
  return tCdf(-Math.sqrt(units / (units - 1)) * tQuantile(0.975, units - 1), nearlyNormal);
}
