import type { ServiceResponse } from '../workloads/workload.js';
import type { Budget } from './limits.js';

/** What the headers of a service's answer say about its limits. */
export interface HeaderFacts {
  /** The service asks to wait for this time, ms; null where it says nothing that can be understood. */
  readonly pauseMs: number | null;
  readonly budgets: readonly Budget[];
}

type GivenHeaders = NonNullable<ServiceResponse['headers']>;

/** Reads one header; null where there is none. */
type Read = (name: string) => string | null;

/** @param wallMs the time of day, ms since 1970: some services say until when one must wait */
export function readHeaders(headers: GivenHeaders | undefined, wallMs: number): HeaderFacts {
  if (headers === undefined || headers === null) return { pauseMs: null, budgets: [] };
  const read = reader(headers);
  // A time of day is compared with the service's own clock where it shows that.
  const serverMs = Date.parse(read('date') ?? '');
  const clockMs = Number.isNaN(serverMs) ? wallMs : serverMs;
  const exactMs = nonNegative(read('retry-after-ms'));
  return {
    pauseMs: exactMs ?? retryAfterMs(read('retry-after'), clockMs),
    budgets: [...openAiBudgets(read), ...anthropicBudgets(read, clockMs)],
  };
}

/**
 * Reads `Retry-After`: seconds, with a fraction or without, or a date in one of the three forms of HTTP. A
 * past date is 0. Null for anything else: a server that sends nonsense has asked for nothing.
 */
export function retryAfterMs(value: string | null, clockMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  const seconds = nonNegative(text);
  if (seconds !== null) return Math.ceil(1000 * seconds);
  const at = httpDate(text);
  return at === null ? null : Math.max(0, at - clockMs);
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const time = '(\\d\\d):(\\d\\d):(\\d\\d)';
/** `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. */
const imfDate = new RegExp(`^[a-z]{3}, (\\d\\d) ([a-z]{3}) (\\d{4}) ${time} gmt$`, 'i');
const rfc850Date = new RegExp(`^[a-z]{6,9}, (\\d\\d)-([a-z]{3})-(\\d\\d) ${time} gmt$`, 'i');
const asctimeDate = new RegExp(`^[a-z]{3} ([a-z]{3}) ([ \\d]\\d) ${time} (\\d{4})$`, 'i');

/** Returns ms since 1970; null for what is no HTTP date. */
function httpDate(text: string): number | null {
  const imf = imfDate.exec(text);
  if (imf !== null) return utc(imf[3], imf[2], imf[1], imf.slice(4));
  const old = rfc850Date.exec(text);
  if (old !== null) return utc(fullYear(Number(old[3])), old[2], old[1], old.slice(4));
  const c = asctimeDate.exec(text);
  return c === null ? null : utc(c[6], c[1], c[2], c.slice(3, 6));
}

function utc(
  year: string | number | undefined,
  month: string | undefined,
  day: string | undefined,
  [hours, minutes, seconds]: readonly string[],
): number | null {
  const number = months.indexOf(String(month).toLowerCase());
  if (number < 0) return null;
  const at = Date.UTC(Number(year), number, Number(day), Number(hours), Number(minutes), Number(seconds));
  return Number.isNaN(at) ? null : at;
}

/** A year of two digits is at most 50 years ahead (RFC 9110, 5.6.7). */
function fullYear(short: number): number {
  const now = new Date().getUTCFullYear();
  const year = now - (now % 100) + short;
  return year > now + 50 ? year - 100 : year;
}

const goUnits: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Reads a duration as Go prints it, such as `6m0s`, `1h2m3.5s` or `120ms`; null for anything else. */
export function goDurationMs(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d*)?(?:h|ms|us|µs|ns|m|s))+$/.test(text)) return null;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|us|µs|ns|m|s)/g))
    ms += Number(count) * (goUnits[unit as string] as number);
  return ms;
}

/** `x-ratelimit-limit-requests`, `-remaining-` and `-reset-`, and the same for tokens. */
function openAiBudgets(read: Read): Budget[] {
  return (['requests', 'tokens'] as const).flatMap((of) => {
    const reset = read(`x-ratelimit-reset-${of}`);
    return budget(of, {
      max: read(`x-ratelimit-limit-${of}`),
      remaining: read(`x-ratelimit-remaining-${of}`),
      resetMs: reset === null ? null : (goDurationMs(reset) ?? secondsMs(reset)),
    });
  });
}

/**
 * `anthropic-ratelimit-requests-limit`, `-remaining` and `-reset`, for requests and three kinds of tokens.
 */
function anthropicBudgets(read: Read, clockMs: number): Budget[] {
  return ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((name) => {
    const reset = Date.parse(read(`anthropic-ratelimit-${name}-reset`) ?? '');
    return budget(name === 'requests' ? 'requests' : 'tokens', {
      max: read(`anthropic-ratelimit-${name}-limit`),
      remaining: read(`anthropic-ratelimit-${name}-remaining`),
      resetMs: Number.isNaN(reset) ? null : Math.max(0, reset - clockMs),
    });
  });
}

function budget(
  of: Budget['of'],
  given: { readonly max: string | null; readonly remaining: string | null; readonly resetMs: number | null },
): Budget[] {
  const max = nonNegative(given.max);
  const remaining = nonNegative(given.remaining);
  const { resetMs } = given;
  return max === null || remaining === null || resetMs === null ? [] : [{ of, max, remaining, resetMs }];
}

function secondsMs(text: string): number | null {
  const seconds = nonNegative(text);
  return seconds === null ? null : 1000 * seconds;
}

/** Reads digits, with a fraction or without; null for a sign, an exponent, or anything else. */
function nonNegative(text: string | null): number | null {
  return text !== null && /^\d+(?:\.\d*)?$/.test(text.trim()) ? Number(text) : null;
}

function reader(headers: GivenHeaders): Read {
  if (typeof headers.get === 'function') {
    const { get } = headers as { get(name: string): string | null };
    return (name) => get.call(headers, name);
  }
  const record = headers as Readonly<Record<string, unknown>>;
  return (name) => {
    const value = record[name];
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined || first === null ? null : String(first);
  };
}
