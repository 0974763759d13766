import type { ServiceResponse } from '../workloads/workload.js';
import type { Budget } from './limits.js';

/** What the headers of a service's answer say about its limits. */
export interface HeaderFacts {
  /** The service asks to wait for this time, ms; null where it says nothing that can be understood. */
  readonly pauseMs: number | null;
  /** Nothing is left of a limit until this time has passed, ms; null where the headers do not say so. */
  readonly resetMs: number | null;
  readonly budgets: readonly Budget[];
}

type GivenHeaders = NonNullable<ServiceResponse['headers']>;

/** Reads one header; null where there is none. */
type Read = (name: string) => string | null;

/** @param wallMs the time of day, ms since 1970: some services say until when one must wait */
export function readHeaders(headers: GivenHeaders | undefined, wallMs: number): HeaderFacts {
  if (headers === undefined || headers === null) return { pauseMs: null, resetMs: null, budgets: [] };
  const read = reader(headers);
  // A time of day is compared with the service's own clock where it shows that.
  const serverMs = Date.parse(read('date') ?? '');
  const clockMs = Number.isNaN(serverMs) ? wallMs : serverMs;
  const exactMs = nonNegative(read('retry-after-ms')) ?? nonNegative(read('x-ms-retry-after-ms'));
  const fixed = fixedWindows(read, clockMs);
  const resets = fixed.flatMap(({ remaining, resetMs }) => (remaining < 1 ? [resetMs] : []));
  return {
    pauseMs: exactMs ?? retryAfterMs(read('retry-after'), clockMs),
    resetMs: resets.length === 0 ? null : Math.max(...resets),
    budgets: [
      ...openAiBudgets(read),
      ...anthropicBudgets(read, clockMs),
      ...fixed.flatMap(({ max, ...rest }) =>
        max === null ? [] : [{ of: 'requests' as const, max, ...rest }],
      ),
    ],
  };
}

/**
 * True where the service has refused a request because there are too many: 429, 503, Anthropic's 529, an
 * error with `Retry-After`, and 403 where nothing is left of a limit, which is what GitHub does.
 */
export function isRefusal(
  status: number | undefined,
  { pauseMs, resetMs }: Pick<HeaderFacts, 'pauseMs' | 'resetMs'>,
): boolean {
  if (status === undefined) return false;
  if (status === 429 || status === 503 || status === 529) return true;
  return (status >= 400 && pauseMs !== null) || (status === 403 && resetMs !== null);
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

interface FixedWindow {
  /** Null where the service does not say it. */
  readonly max: number | null;
  readonly remaining: number;
  readonly resetMs: number;
}

/**
 * `RateLimit` and `RateLimit-Policy` of the IETF's draft, the three `RateLimit-…` headers of its older
 * versions, and the same three with `X-`, as GitHub has them.
 */
function fixedWindows(read: Read, clockMs: number): FixedWindow[] {
  const limits = read('ratelimit');
  if (limits !== null) return draftWindows(limits, read('ratelimit-policy') ?? '');
  return ['ratelimit-', 'x-ratelimit-'].flatMap((prefix) => {
    const remaining = nonNegative(read(`${prefix}remaining`));
    const reset = nonNegative(read(`${prefix}reset`));
    if (remaining === null || reset === null) return [];
    // The limit may have its policies behind it: `100, 100;w=60`.
    const max = nonNegative(/^[^,;]*/.exec(read(`${prefix}limit`) ?? '')?.[0] ?? null);
    return [{ max, remaining, resetMs: resetMsOf(reset, clockMs) }];
  });
}

/** Reads `"name";r=50;t=30`, with the limit in its policy, or `limit=100, remaining=50, reset=30`. */
function draftWindows(limits: string, policies: string): FixedWindow[] {
  const old = parameters(limits.replaceAll(',', ';'));
  const all = old.has('remaining') ? [limits.replaceAll(',', ';')] : limits.split(',');
  return all.flatMap((text) => {
    const values = parameters(text);
    const remaining = nonNegative(values.get('r') ?? values.get('remaining') ?? null);
    const seconds = nonNegative(values.get('t') ?? values.get('reset') ?? null);
    const policy = parameters(policies.split(',').find((each) => nameIn(each) === nameIn(text)) ?? '');
    const isOfRequests = (policy.get('qu') ?? '"requests"') === '"requests"';
    if (remaining === null || seconds === null || !isOfRequests) return [];
    const max = nonNegative(values.get('limit') ?? policy.get('q') ?? null);
    return [{ max, remaining, resetMs: 1000 * seconds }];
  });
}

function parameters(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/([\w-]+)=([^;]*)/g)].map(([, name, value]) => [String(name), String(value).trim()]),
  );
}

function nameIn(text: string): string {
  return (text.split(';')[0] as string).trim();
}

/** A reset is in seconds from now, or in seconds or milliseconds since 1970. */
function resetMsOf(reset: number, clockMs: number): number {
  if (reset < 1e9) return 1000 * reset;
  return Math.max(0, (reset < 1e11 ? 1000 * reset : reset) - clockMs);
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
  const record = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value: unknown = record.get(name);
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined || first === null ? null : String(first);
  };
}
