import { type Bounds, leastSquares, type Minimum, nonNegativeLeastSquares } from './bounded-least-squares.js';
import { capacityAt, type ModelName, type Parameters } from './throughput.js';

/**
 * One trial. `rate` is above 0, in any unit of throughput. Trials of a round were measured close together in
 * time.
 */
export interface ScalingPoint {
  readonly round: number;
  readonly workers: number;
  readonly rate: number;
}

/**
 * The kind of residuals whose squares are minimised. The noise of throughput is about proportional to
 * throughput, so `relative` (residuals of logarithms) is right. `absolute` lets the largest rates decide; it
 * allows comparison with published fits.
 */
export type Residuals = 'relative' | 'absolute';

/**
 * The law to fit. If the cap is `null`, it is fitted between the second and the last but one level.
 */
export type Law =
  | { readonly model: 'amdahl' }
  | { readonly model: 'usl' }
  | { readonly model: 'capped'; readonly cap: number | null };

export interface ThroughputFit {
  readonly model: ModelName;
  readonly parameters: Parameters;
  /** How many parameters of the curve were fitted, λ included. */
  readonly fitted: number;
  readonly trials: number;
  /** Sum over trials of the squared residuals. */
  readonly rss: number;
  /**
   * Corrected Akaike criterion: n counts trials, and k includes the variance. It is infinite if there are too
   * few trials.
   */
  readonly aicc: number;
}

/**
 * The trials at one number of workers, reduced to what the squares about a curve need. Values are logarithms
 * if residuals are relative.
 */
export interface Level {
  readonly workers: number;
  readonly trials: number;
  readonly mean: number;
  /** Sum of squared deviations from the mean. */
  readonly within: number;
}

/** Levels, rising. */
export function levelsOf(points: readonly ScalingPoint[], residuals: Residuals = 'relative'): Level[] {
  const sums = new Map<number, number[]>();
  for (const { workers, rate } of points) {
    const values = sums.get(workers);
    const value = residuals === 'relative' ? Math.log(rate) : rate;
    if (values) values.push(value);
    else sums.set(workers, [value]);
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([workers, values]) => {
      const trials = values.length;
      const mean = values.reduce((sum, value) => sum + value, 0) / trials;
      return { workers, trials, mean, within: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
    });
}

/**
 * Finds the parameters of the law that have the least squared residuals over the trials. σ and κ are in [0,
 * 1], δ in [0, 4]. The search starts at `near` if it is given: a bootstrap starts each resample at the
 * original's answer.
 */
export function fitThroughput(
  law: Law,
  levels: readonly Level[],
  { residuals = 'relative', near }: { residuals?: Residuals; near?: Parameters } = {},
): ThroughputFit {
  const start = near ?? startOf(levels, residuals);
  const search = law.model === 'capped' && law.cap === null;
  const { parameters, rss, fitted } = search
    ? fitCap(levels, start, residuals)
    : fitCurve(law, levels, start, residuals);
  const trials = levels.reduce((sum, level) => sum + level.trials, 0);
  return { model: law.model, parameters, fitted, trials, rss, aicc: aiccOf({ rss, trials, k: fitted + 1 }) };
}

/** The criterion is n ln(RSS / n) + 2k + 2k(k + 1)/(n − k − 1) (Hurvich & Tsai 1989). */
function aiccOf({ rss, trials: n, k }: { rss: number; trials: number; k: number }): number {
  if (n <= k + 1) return Number.POSITIVE_INFINITY;
  return n * Math.log(Math.max(rss, Number.MIN_VALUE) / n) + 2 * k + (2 * k * (k + 1)) / (n - k - 1);
}

interface Curve {
  readonly parameters: Parameters;
  readonly rss: number;
  readonly fitted: number;
}

type Shape = Omit<Parameters, 'lambda'>;

/** There is no cap. */
const none = Number.POSITIVE_INFINITY;

function fitCurve(law: Law, levels: readonly Level[], start: Shape, residuals: Residuals): Curve {
  if (law.model === 'amdahl') {
    return minimise(levels, residuals, [start.sigma], { low: [0], high: [1] }, (at) => ({
      sigma: at[0] as number,
      kappa: 0,
      delta: 0,
      cap: none,
    }));
  }
  if (law.model === 'usl') {
    const bounds = { low: [0, 0], high: [1, 1] };
    const shape = (at: readonly number[]) => ({
      sigma: at[0] as number,
      kappa: at[1] as number,
      delta: 0,
      cap: none,
    });
    return minimise(levels, residuals, [start.sigma, start.kappa], bounds, shape);
  }
  const cap = law.cap ?? none;
  const bounds = { low: [0, 0], high: [1, maxDelta] };
  const shape = (at: readonly number[]) => ({
    sigma: at[0] as number,
    kappa: 0,
    delta: at[1] as number,
    cap,
  });
  return minimise(levels, residuals, [start.sigma, start.delta], bounds, shape);
}

/**
 * Each doubling of the workers loses 15/16 of the throughput at this bound. A larger loss is not believable.
 */
const maxDelta = 4;

/**
 * Finds the whole-numbered cap with the least residuals. It is whole because the limits of waiting work are
 * counted: a server's slots, a pool's connections. A real-valued cap would be too high by the share of a
 * document's time that is spent outside the server, because beyond the cap that share overlaps with the
 * waiting of others.
 */
function fitCap(levels: readonly Level[], start: Shape, residuals: Residuals): Curve {
  const inner = levels.slice(1, -1).map(({ workers }) => workers);
  const [low, high] = [inner[0], inner.at(-1)];
  if (low === undefined || high === undefined || inner.length < 2)
    throw new Error(`expected at least 4 levels to fit a cap, got ${levels.length}`);
  const step = Math.max(1, Math.ceil((high - low) / maxCaps));
  const caps = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
  const curves = caps.map((cap) => fitCurve({ model: 'capped', cap }, levels, start, residuals));
  const best = curves.reduce((best, curve) => (curve.rss < best.rss ? curve : best));
  return { ...best, fitted: best.fitted + 1 };
}

/** At most this many caps are tried. A wider range is searched in steps. */
const maxCaps = 24;

/** λ enters linearly, so it is solved for every shape, and the search has one parameter less. */
function minimise(
  levels: readonly Level[],
  residuals: Residuals,
  start: readonly number[],
  bounds: Bounds,
  shape: (at: readonly number[]) => Shape,
): Curve {
  const fit = residuals === 'relative' ? logResiduals : plainResiduals;
  const { at, squares }: Minimum = leastSquares((at) => fit(levels, shape(at)).residuals, start, bounds);
  const rss = squares + levels.reduce((sum, { within }) => sum + within, 0);
  return {
    parameters: { lambda: fit(levels, shape(at)).lambda, ...shape(at) },
    rss,
    fitted: start.length + 1,
  };
}

function logResiduals(levels: readonly Level[], shape: Shape): { lambda: number; residuals: number[] } {
  const residuals: number[] = [];
  let sum = 0;
  let trials = 0;
  for (const level of levels) {
    const offset = level.mean - Math.log(capacityAt(shape, level.workers));
    residuals.push(offset);
    sum += level.trials * offset;
    trials += level.trials;
  }
  const logLambda = sum / trials;
  for (let i = 0; i < residuals.length; i++)
    residuals[i] = Math.sqrt((levels[i] as Level).trials) * ((residuals[i] as number) - logLambda);
  return { lambda: Math.exp(logLambda), residuals };
}

function plainResiduals(levels: readonly Level[], shape: Shape): { lambda: number; residuals: number[] } {
  const capacities = levels.map(({ workers }) => capacityAt(shape, workers));
  const against = levels.reduce(
    (sum, { trials, mean }, i) => sum + trials * mean * (capacities[i] as number),
    0,
  );
  const lambda =
    against / levels.reduce((sum, { trials }, i) => sum + trials * (capacities[i] as number) ** 2, 0);
  return {
    lambda,
    residuals: levels.map(
      ({ trials, mean }, i) => Math.sqrt(trials) * (mean - lambda * (capacities[i] as number)),
    ),
  };
}

const reweightings = 4; // the weights settle after two or three

/**
 * Finds where the search starts. N/X = a + b(N − 1) + cN(N − 1), with a = 1/λ, b = σ/λ, c = κ/λ, is linear in
 * non-negative a, b, c. If the error of X is proportional to X, then the error of N/X is proportional to N/X,
 * hence the weights.
 */
function startOf(levels: readonly Level[], residuals: Residuals): Shape {
  const y = levels.map(({ workers, mean }) => workers / (residuals === 'relative' ? Math.exp(mean) : mean));
  const rows = levels.map(({ workers: n }) => [1, n - 1, n * (n - 1)]);
  let fitted = y;
  let line = [1, 0, 0];
  for (let i = 0; i < reweightings; i++) {
    const weights = levels.map(({ trials }, l) => trials / (fitted[l] as number) ** 2);
    const found = nonNegativeLeastSquares(rows, y, { weights, always: 0 });
    if (found === null) break;
    line = found;
    fitted = rows.map((row) => row.reduce((sum, value, c) => sum + value * (found[c] as number), 0));
  }
  const [a = 1, b = 0, c = 0] = line;
  return { sigma: b / a, kappa: c / a, delta: 0, cap: none };
}
