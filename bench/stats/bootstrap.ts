import { tCdf, tQuantile } from './student-t.js';

/** The t distribution is normal to six digits if it has this many degrees of freedom. */
const nearlyNormal = 1e6;

/**
 * The percentile of bootstrap draws that is the lower end of a 95 % interval. The upper end is as far from 1.
 * The draws resample `units` units, at least two.
 *
 * A bootstrap of n units is too narrow by √((n − 1)/n), and again because it uses the normal quantile instead
 * of t's. Percentiles at Φ(−√(n/(n − 1))·t) instead of 2.5 % repair both. They also keep the interval inside
 * the parameter's range, which a t interval of a parameter near its bound would leave (T. Hesterberg, What
 * Teachers Should Know About the Bootstrap, 2015, 3.3).
 */
export function expandedTail(units: number): number {
  return tCdf(-Math.sqrt(units / (units - 1)) * tQuantile(0.975, units - 1), nearlyNormal);
}
