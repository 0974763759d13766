/** Laws of throughput against workers, and their parameters. */

export const modelNames = ['amdahl', 'usl', 'capped'] as const;
export type ModelName = (typeof modelNames)[number];

/** A parameter that the model does not have is at its neutral value: 0, and for the cap infinity. */
export interface Parameters {
  /** Throughput of one worker, in the unit of the rates. */
  readonly lambda: number;
  /** Contention: the share of work that only one worker can do at a time. */
  readonly sigma: number;
  /** Coherency: the cost of each pair of workers. */
  readonly kappa: number;
  /** Workers that can be at work at once; more of them wait. */
  readonly cap: number;
  /** Doublings of the time that each doubling of the workers beyond the cap costs. */
  readonly delta: number;
}

/**
 * X(N) ÷ λ. With m = min(N, cap): m / (1 + σ(m − 1) + κm(m − 1)) · 2^(−δ·max(0, log₂(N / cap))).
 *
 * κ = δ = 0 without a cap is Amdahl's law (1967) written as throughput; κ > 0 is the Universal Scalability Law (N. J. Gunther,
 * Guerrilla Capacity Planning, 2007); the capped model is Amdahl's law up to the cap and a constant loss a doubling above.
 */
export function capacityAt(
  { sigma, kappa, cap, delta }: Omit<Parameters, 'lambda'>,
  workers: number,
): number {
  const m = Math.min(workers, cap);
  const capacity = m / (1 + sigma * (m - 1) + kappa * m * (m - 1));
  return workers > cap ? capacity * (cap / workers) ** delta : capacity;
}

/** Modelled throughput, in the unit of λ. */
export function rateAt(parameters: Parameters, workers: number): number {
  return parameters.lambda * capacityAt(parameters, workers);
}

/** The real-valued N at which the Universal Scalability Law is highest, √((1 − σ)/κ); infinite where it never falls. */
export function peakOf({ sigma, kappa }: Pick<Parameters, 'sigma' | 'kappa'>): number {
  return kappa > 0 ? Math.max(1, Math.sqrt((1 - sigma) / kappa)) : Number.POSITIVE_INFINITY;
}

/** The whole number of workers at the peak: the better of the two neighbours, which rounding does not always hit. */
export function integerPeak(parameters: Parameters): number {
  const peak = peakOf(parameters);
  if (!Number.isFinite(peak)) return peak;
  const below = Math.floor(peak);
  const above = Math.ceil(peak);
  return rateAt(parameters, above) > rateAt(parameters, below) ? above : below;
}
