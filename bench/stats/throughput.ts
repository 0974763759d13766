/** The laws here say how throughput depends on the number of workers. */

const modelNames = ['amdahl', 'usl', 'capped'] as const;
export type ModelName = (typeof modelNames)[number];

/** A parameter that the model does not have is 0, or infinite in the case of the cap. */
export interface Parameters {
  /** This is the throughput of one worker, in the unit of the rates. */
  readonly lambda: number;
  /** Contention: the share of work that only one worker can do at a time. */
  readonly sigma: number;
  /** Coherency: what each pair of workers costs. */
  readonly kappa: number;
  /** Only this many workers can be busy at once; the others wait. */
  readonly cap: number;
  /** Each doubling of the workers beyond the cap multiplies the time by 2 to the power of this. */
  readonly delta: number;
}

/**
 * X(N) ÷ λ. With m = min(N, cap): m / (1 + σ(m − 1) + κm(m − 1)) · 2^(−δ·max(0, log₂(N / cap))).
 *
 * κ = δ = 0 without a cap is Amdahl's law (1967) written as throughput. κ > 0 is the Universal Scalability
 * Law (N. J. Gunther, Guerrilla Capacity Planning, 2007). The capped model is Amdahl's law up to the cap, and
 * a constant loss per doubling above it.
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

/**
 * The real-valued N at which the Universal Scalability Law is highest: √((1 − σ)/κ), infinite if it never
 * falls.
 */
export function peakOf({ sigma, kappa }: Pick<Parameters, 'sigma' | 'kappa'>): number {
  return kappa > 0 ? Math.max(1, Math.sqrt((1 - sigma) / kappa)) : Number.POSITIVE_INFINITY;
}

/**
 * The whole number of workers at the peak. It is the better of two neighbours, which rounding does not always
 * find.
 */
export function integerPeak(parameters: Parameters): number {
  const peak = peakOf(parameters);
  if (!Number.isFinite(peak)) return peak;
  const below = Math.floor(peak);
  const above = Math.ceil(peak);
  return rateAt(parameters, above) > rateAt(parameters, below) ? above : below;
}
