/**
 * This module has the known answers of queues: the time from a document's arrival to its outcome, in units of
 * the service time.
 */

export interface Plant {
  readonly servers: number;
  readonly exponential: boolean;
}

/** Returns mean sojourn ÷ service time (Pollaczek–Khinchine; Erlang C). */
export function meanSojourn({ servers, exponential }: Plant, rho: number): number {
  if (!exponential) return 1 + rho / (2 * (1 - rho));
  if (servers === 1) return 1 / (1 - rho);
  const offered = servers * rho;
  const waits = erlangC(servers, offered);
  return 1 + waits / (servers - offered);
}

function erlangC(servers: number, offered: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; k < servers; k++) {
    term *= offered / k;
    sum += term;
  }
  const last = ((term * offered) / servers) * (servers / (servers - offered));
  return last / (sum + last);
}

/** Returns the 99th percentile of the sojourn ÷ service time. */
export function p99Sojourn({ servers, exponential }: Plant, rho: number): number {
  if (!exponential) return quantileOf((t) => sojournMD1(t, rho));
  if (servers === 1) return Math.log(100) / (1 - rho);
  // M/M/c: P(T > t) mixes the service time with an exponential wait of rate c − offered.
  const offered = servers * rho;
  const waits = erlangC(servers, offered);
  const drain = servers - offered;
  return quantileOf((t) => {
    const tail =
      Math.abs(drain - 1) < 1e-9
        ? Math.exp(-t) * (1 + waits * t)
        : Math.exp(-t) + (waits * (Math.exp(-t) - Math.exp(-drain * t))) / (drain - 1);
    return 1 - tail;
  });
}

/** Returns P(T ≤ t) of M/D/1 with service time 1 (Erlang's formula of the waiting time). */
function sojournMD1(t: number, rho: number): number {
  const wait = t - 1;
  if (wait < 0) return 0;
  let sum = 0;
  for (let k = 0; k <= Math.floor(wait); k++) {
    const x = rho * (k - wait);
    let power = 1;
    for (let i = 1; i <= k; i++) power *= x / i;
    sum += power * Math.exp(-x);
  }
  return (1 - rho) * sum;
}

function quantileOf(cdf: (t: number) => number): number {
  let low = 0;
  let high = 1;
  // Erlang's sum loses its digits far beyond the quantile, so the search does not begin there.
  while (cdf(high) < 0.99) high *= 1.5;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (cdf(middle) < 0.99) low = middle;
    else high = middle;
  }
  return high;
}

/** The load of M/D/1 at which this share of the documents takes at most `limit` service times. */
export function kneeOfMD1(limit: number, share: number): number {
  let [low, high] = [0.01, 0.99];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (sojournMD1(limit, middle) < share) high = middle;
    else low = middle;
  }
  return low;
}

/** Simulates what documents take with one server and a fixed service time, ms (Lindley's recursion). */
export function singleServer(scheduleMs: Float64Array, serviceMs: number): Float64Array {
  let freeMs = 0;
  return scheduleMs.map((dueMs) => {
    freeMs = Math.max(freeMs, dueMs) + serviceMs;
    return freeMs - dueMs;
  });
}
