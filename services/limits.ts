import type { ServiceLimit } from '../strategies/strategy.js';

/** A limit in figures. */
export interface Limit {
  readonly of: 'requests' | 'tokens';
  readonly max: number;
  readonly perMs: number;
}

/** What one slot is for. */
export interface Cost {
  /** Tokens that the request and its answer are expected to have; 0 where tokens are not limited. */
  readonly tokens: number;
}

export interface Slot {
  readonly id: number;
  readonly atMs: number;
  readonly untilMs: number;
  /** The limiter must hear at once that the service has answered, because this is ahead of an even pace. */
  readonly isProbe: boolean;
}

/** A slot that a worker has used at this time of its own clock. */
export interface TakenSlot extends Slot {
  readonly usedMs: number;
}

/** Facts about a limit that a service's answer has in its headers. */
export interface Budget {
  readonly of: 'requests' | 'tokens';
  readonly max: number;
  readonly remaining: number;
  /** The budget is full again after this time, ms. */
  readonly resetMs: number;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Reads the limits of a service.
 * @throws RangeError that says what a limit looks like
 */
export function readLimits(limits: readonly ServiceLimit[]): Limit[] {
  if (!Array.isArray(limits))
    throw new RangeError(`expected limits to be an array, such as [${example}], got ${typeof limits}`);
  return limits.map((limit: ServiceLimit, i) => {
    const { requests, tokens, per } = (limit ?? {}) as Partial<Record<string, unknown>>;
    const max = requests ?? tokens;
    const perMs = typeof per === 'string' ? durationMs(per) : null;
    const isOne = (requests === undefined) !== (tokens === undefined);
    if (!isOne || !Number.isSafeInteger(max) || (max as number) < 1 || perMs === null)
      throw new RangeError(`expected limits[${i}] to be like ${example}, got ${JSON.stringify(limit)}`);
    return { of: requests === undefined ? 'tokens' : 'requests', max: max as number, perMs };
  });
}

const example = "{ requests: 100, per: '1s' } or { tokens: 90000, per: '60s' }";

/** Reads a time such as `1s`, `60s`, `500ms` or `1m`; `s` alone is one second. Null for anything else. */
function durationMs(text: string): number | null {
  const [, count, unit] = /^(\d*\.?\d*)(ms|s|m|h)$/.exec(text) ?? [];
  if (unit === undefined) return null;
  const ms = Number(count === '' ? 1 : count) * (units[unit] as number);
  return ms >= 1 && Number.isFinite(ms) ? ms : null;
}

/**
 * Reads a limit as flags and job files have it: `100/s`, `600/60s`, `tokens=90000/60s`.
 * @throws RangeError that says what one looks like
 */
export function parseLimit(text: string): ServiceLimit {
  const [, of, max, per] = /^(?:(requests|tokens)=)?([\d_]+)\/(\S+)$/.exec(text.trim()) ?? [];
  const count = Number(max?.replaceAll('_', ''));
  if (per === undefined || durationMs(per) === null || !Number.isSafeInteger(count) || count < 1)
    throw new RangeError(`expected a limit like 100/s, 600/60s or tokens=90000/60s, got "${text}"`);
  return of === 'tokens' ? { tokens: count, per } : { requests: count, per };
}

/** The limit as flags have it, for people. */
export function limitText({ of, max, perMs }: Limit): string {
  const [unit = 'ms', size = 1] = Object.entries(units).findLast(([, size]) => perMs % size === 0) ?? [];
  const per = perMs / size === 1 ? unit : `${perMs / size}${unit}`;
  return `${of === 'tokens' ? 'tokens=' : ''}${max}/${per}`;
}
