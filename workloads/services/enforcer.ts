/** How a service counts requests. Real services do it in all these ways. */
const enforcements = ['sliding', 'fixed', 'bucket', 'quantised'] as const;
export type Enforcement = (typeof enforcements)[number];

export interface EnforcedLimit {
  readonly max: number;
  readonly perMs: number;
}

/** A quantised service enforces a limit in windows of this length, ms: 600 a minute as 10 a second. */
const quantumMs = 1000;

/** Enforces limits of requests, and logs all arrivals. All times are ms on one clock. */
export class Enforcer {
  readonly #limits: readonly EnforcedLimit[];
  readonly #enforcement: Enforcement;
  /** Times of accepted requests, as far as they still count. */
  #accepted: number[] = [];
  /** Times of all requests. */
  arrivals: number[] = [];
  refusals = 0;
  readonly #buckets: { tokens: number; filledMs: number }[];

  constructor(limits: readonly EnforcedLimit[], enforcement: Enforcement) {
    this.#limits =
      enforcement === 'quantised'
        ? limits.map(({ max, perMs }) => ({
            max: Math.max(1, Math.floor((max * quantumMs) / perMs)),
            perMs: Math.min(perMs, quantumMs),
          }))
        : limits;
    this.#enforcement = enforcement;
    this.#buckets = limits.map(({ max }) => ({ tokens: max, filledMs: 0 }));
  }

  /** Begins a new log, as if no request had come before. */
  reset(): void {
    this.#accepted = [];
    this.arrivals = [];
    this.refusals = 0;
    for (const [i, bucket] of this.#buckets.entries()) bucket.tokens = (this.#limits[i] as EnforcedLimit).max;
  }

  /** Takes a request. Returns null, or when another one would be accepted if none came until then. */
  arrive(nowMs: number): { readonly retryMs: number } | null {
    this.arrivals.push(nowMs);
    const retryMs = Math.max(0, ...this.#limits.map((limit, i) => this.#waitMs(limit, i, nowMs)));
    if (retryMs > 0) {
      this.refusals++;
      return { retryMs };
    }
    this.#accepted.push(nowMs);
    const longestMs = Math.max(0, ...this.#limits.map(({ perMs }) => perMs));
    while ((this.#accepted[0] ?? nowMs) < nowMs - longestMs) this.#accepted.shift();
    for (const bucket of this.#buckets) bucket.tokens--;
    return null;
  }

  /** What is left of the first limit, for headers. */
  budget(
    nowMs: number,
  ): { readonly max: number; readonly remaining: number; readonly resetMs: number } | null {
    const [limit] = this.#limits;
    if (limit === undefined) return null;
    const recent = this.#accepted.filter((atMs) => atMs > nowMs - limit.perMs);
    const resetMs = recent.length === 0 ? 0 : (recent.at(-1) as number) + limit.perMs - nowMs;
    return { max: limit.max, remaining: Math.max(0, limit.max - recent.length), resetMs };
  }

  #waitMs({ max, perMs }: EnforcedLimit, i: number, nowMs: number): number {
    if (this.#enforcement === 'bucket') {
      const bucket = this.#buckets[i] as { tokens: number; filledMs: number };
      bucket.tokens = Math.min(max, bucket.tokens + ((nowMs - bucket.filledMs) * max) / perMs);
      bucket.filledMs = nowMs;
      return bucket.tokens >= 1 ? 0 : ((1 - bucket.tokens) * perMs) / max;
    }
    const isFixed = this.#enforcement !== 'sliding';
    const fromMs = isFixed ? Math.floor(nowMs / perMs) * perMs : nowMs - perMs;
    const counted = this.#accepted.filter((atMs) => (isFixed ? atMs >= fromMs : atMs > fromMs));
    if (counted.length < max) return 0;
    return isFixed ? fromMs + perMs - nowMs : (counted[counted.length - max] as number) + perMs - nowMs;
  }
}

/** Counts the arrivals that have more than `max` arrivals in the window that ends with them. */
export function violations(arrivals: readonly number[], { max, perMs }: EnforcedLimit): number {
  let first = 0;
  let count = 0;
  for (const [i, atMs] of arrivals.entries()) {
    while ((arrivals[first] as number) <= atMs - perMs) first++;
    if (i - first + 1 > max) count++;
  }
  return count;
}
