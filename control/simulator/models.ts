import type { Request, Served, Service } from './service.js';

/** Models of services and machines whose best number at work is known. */
export interface Model {
  readonly name: string;
  /** The number that the controller is given. */
  readonly start: number;
  readonly service: () => Service;
  /** Gives the documents per second at a number at work, without noise. */
  readonly rate: (number: number, atMs: number) => number;
  /** The lowest number that has the best rate, at a time. */
  readonly best: (atMs: number) => number;
  readonly bytes?: (random: number, atMs: number) => number;
  /** Something changes at this time, ms. */
  readonly changesMs?: number;
}

/** A document takes this by itself, ms. */
export const ownMs = 100;

/** Runs `capacity` documents at once, first come first served. */
class Capped implements Service {
  readonly #capacityAt: (nowMs: number) => number;
  readonly #msOf: (bytes: number) => number;
  /** Times at which the running documents end, the soonest first. */
  #free: number[] = [];

  constructor(capacityAt: (nowMs: number) => number, msOf: (bytes: number) => number = () => ownMs) {
    this.#capacityAt = capacityAt;
    this.#msOf = msOf;
  }

  begin({ nowMs, bytes, noise }: Request): Served {
    // Slots that have been free for long are the same as slots that are free now.
    while (this.#free.length > 0 && (this.#free[0] as number) <= nowMs) this.#free.shift();
    const capacity = this.#capacityAt(nowMs);
    const waiting = this.#free.length - capacity;
    const beginsMs = waiting < 0 ? nowMs : (this.#free[waiting] as number);
    const endsMs = beginsMs + noise * this.#msOf(bytes);
    let at = this.#free.length;
    while (at > 0 && (this.#free[at - 1] as number) > endsMs) at--;
    this.#free.splice(at, 0, endsMs);
    return { takesMs: endsMs - nowMs };
  }
}

const perSecond = 1000 / ownMs;

function capped(name: string, start: number, capacityAt: (atMs: number) => number): Model {
  return {
    name,
    start,
    service: () => new Capped(capacityAt),
    rate: (number, atMs) => perSecond * Math.min(number, capacityAt(atMs)),
    best: capacityAt,
  };
}

/** This is the universal scalability law (Gunther) with its peak at this number. */
function retrograde(peak: number, start: number): Model {
  const contention = 0.05;
  const crosstalk = (1 - contention) / peak ** 2;
  const slowdown = (n: number) => 1 + contention * (n - 1) + crosstalk * n * (n - 1);
  return {
    name: `retrograde, peak at ${peak}, from ${start}`,
    start,
    service: () => ({ begin: ({ atWork, noise }) => ({ takesMs: ownMs * slowdown(atWork) * noise }) }),
    rate: (number) => (perSecond * number) / slowdown(number),
    best: () => peak,
  };
}

export const memory = { limitBytes: 1024 * 2 ** 20, baseBytes: 20 * 2 ** 20, eachBytes: 100 * 2 ** 20 };

function memoryBound(): Model {
  // The tenth would leave 4 MB of 1024.
  const best = Math.floor((0.9 * memory.limitBytes - memory.baseBytes) / memory.eachBytes);
  return {
    name: 'memory, 100 MB each, 1 GB',
    start: 4,
    service: () => ({
      begin: ({ noise }) => ({ takesMs: ownMs * noise }),
      signals: (atWork) => ({
        memoryBytes: memory.baseBytes + atWork * memory.eachBytes,
        memoryLimitBytes: memory.limitBytes,
      }),
    }),
    rate: (number) => perSecond * Math.min(number, best),
    best: () => best,
  };
}

/** A refusal takes this, ms. */
const refusalMs = 20;

/** Accepts this many documents in any second, and says nothing of it. */
function unknownLimit(perSecondLimit: number, start: number): Model {
  const takesMs = 2 * ownMs;
  return {
    name: `unknown limit of ${perSecondLimit}/s, from ${start}`,
    start,
    service: () => {
      const accepted: number[] = [];
      return {
        begin({ nowMs, noise }) {
          while (accepted.length > 0 && (accepted[0] as number) <= nowMs - 1000) accepted.shift();
          if (accepted.length >= perSecondLimit) return { takesMs: refusalMs, refused: true };
          accepted.push(nowMs);
          return { takesMs: takesMs * noise };
        },
      };
    },
    rate: (number) => Math.min(perSecondLimit, (1000 * number) / takesMs),
    best: () => (perSecondLimit * takesMs) / 1000,
  };
}

const changesMs = 60_000;

function after<Value>(before: Value, value: Value): (atMs: number) => Value {
  return (atMs) => (atMs < changesMs ? before : value);
}

function changingSizes(): Model {
  const meanBytes = 10_000;
  const capacity = 16;
  // Sizes vary by a factor of three within a mix, and the second mix is four times as large.
  const scale = after(1, 4);
  const bytes = (random: number, atMs: number) => meanBytes * scale(atMs) * (0.5 + random);
  return {
    name: 'sizes × 4, capped at 16',
    start: capacity,
    service: () =>
      new Capped(
        () => capacity,
        (size) => (ownMs * size) / meanBytes,
      ),
    rate: (number, atMs) => (perSecond * Math.min(number, capacity)) / scale(atMs),
    best: () => capacity,
    bytes,
    changesMs,
  };
}

export const steady: readonly Model[] = [
  capped('capped at 8, from 4', 4, () => 8),
  capped('capped at 8, from 8', 8, () => 8),
  capped('capped at 8, from 20', 20, () => 8),
  capped('capped at 32, from 8', 8, () => 32),
  capped('capped at 32, from 32', 32, () => 32),
  retrograde(12, 4),
  retrograde(12, 24),
  capped('flat, from 8', 8, () => 1),
  memoryBound(),
];

export const steps: readonly Model[] = [
  { ...capped('step up, 8 to 16', 8, after(8, 16)), changesMs },
  { ...capped('step down, 16 to 8', 16, after(16, 8)), changesMs },
];

export const knee: Model = { ...capped('knee, 200 to 50', 200, after(200, 50)), changesMs };
export const sizes: Model = changingSizes();
export const limits: readonly Model[] = [unknownLimit(200, 8), unknownLimit(200, 120)];
