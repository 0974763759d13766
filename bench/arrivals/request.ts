import { UsageError, unknownName } from '../errors.js';
import { parseCount, parseDuration, parseList } from '../words/parse.js';
import { type ArrivalPattern, arrivalPatterns } from './schedule.js';

/** The text of each option on the command line, before it is parsed. */
export interface ArrivalFlags {
  arrivals?: string;
  rate?: string;
  arrivalTime?: string;
  accept?: string;
  slo?: string;
}

/** A rate of arrivals: documents per second, or a share of the highest closed-loop rate. */
export type Rate =
  | { readonly asked: string; readonly perSecond: number }
  | { readonly asked: string; readonly share: number };

/** A limit that a quantile of the latency must keep. */
export interface LatencyLimit {
  readonly text: string;
  readonly quantile: number;
  readonly ms: number;
}

/** What a run measures in open loops, after its closed ones. */
export interface ArrivalRequest {
  readonly pattern: ArrivalPattern;
  /** Each strategy is measured at each of these rates; none where only a limit is searched. */
  readonly rates: readonly Rate[];
  /** Length of each schedule, ms. */
  readonly timeMs: number;
  readonly accept: number | null;
  /** The highest rate under this limit is searched; null: no search. */
  readonly slo: LatencyLimit | null;
}

const defaultRates = '50%,80%,95%';
const defaultTimeMs = 10_000;

/**
 * @returns null when no open loop is asked for
 * @throws UsageError that says what was expected, what came and what to do.
 */
export function arrivalRequest(flags: ArrivalFlags): ArrivalRequest | null {
  const { arrivals, rate, arrivalTime, accept, slo } = flags;
  if (arrivals === undefined && slo === undefined) {
    const stray = Object.entries({ '--rate': rate, '--arrival-time': arrivalTime, '--accept': accept }).find(
      ([, value]) => value !== undefined,
    );
    if (stray !== undefined)
      throw new UsageError(`${stray[0]} says how documents arrive: give it with --arrivals or --slo`);
    return null;
  }
  if (process.platform === 'win32')
    throw new UsageError('--arrivals and --slo need named pipes, which Windows does not have');
  return {
    pattern: patternNamed(arrivals ?? 'poisson'),
    rates:
      arrivals === undefined && rate === undefined
        ? []
        : parseList(rate ?? defaultRates, '--rate', parseRate),
    timeMs: arrivalTime === undefined ? defaultTimeMs : parseDuration(arrivalTime, '--arrival-time'),
    accept: accept === undefined ? null : parseCount(accept, '--accept'),
    slo: slo === undefined ? null : parseLimit(slo),
  };
}

function patternNamed(text: string): ArrivalPattern {
  const found = arrivalPatterns.find((name) => name === text);
  if (found === undefined) throw unknownName('pattern of --arrivals', text, arrivalPatterns);
  return found;
}

/** `80%` or `200/s`. @throws UsageError */
export function parseRate(text: string): Rate {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(%|\/s)$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (value > 0 && unit === '%') return { asked: text, share: value / 100 };
  if (value > 0 && unit === '/s') return { asked: text, perSecond: value };
  throw new UsageError(
    `--rate: expected rates like 80% (of the highest measured rate) or 200/s, got "${text}"`,
  );
}

/** `p99<200ms`. @throws UsageError */
export function parseLimit(text: string): LatencyLimit {
  const [, digits, time] = /^p(\d{2}(?:\.\d)?)\s*<\s*(.+)$/.exec(text.trim()) ?? [];
  const percent = Number(digits);
  if (time !== undefined && percent >= 50 && percent <= 99.9)
    return {
      text: text.replaceAll(' ', ''),
      quantile: percent / 100,
      ms: parseDuration(time, 'the time of --slo'),
    };
  throw new UsageError(`--slo: expected a limit like 'p99<200ms' (from p50 to p99.9), got "${text}"`);
}
