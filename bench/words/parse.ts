import { parseLimit } from '../../services/limits.js';
import type { ServiceLimit } from '../../strategies/strategy.js';
import { UsageError } from '../errors.js';

/** Reads sizes, durations, counts and lists from the command line. KB = 1,000 bytes, KiB = 1,024. */

const sizeUnits: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `10KB` → 10000. @throws UsageError */
export function parseSize(text: string, what: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b)$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (sizeUnits[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (Number.isInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`expected ${what} to be a size like 10KB, 64KiB or 1.5MB, got "${text}"`);
}

const durationUnits: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3 };

/** `30s` → 30000, `1.5h`, `250ms`, `10m`. Milliseconds. @throws UsageError */
export function parseDuration(text: string, what: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/i.exec(text.trim()) ?? [];
  const ms = Number(digits) * (durationUnits[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new UsageError(`expected ${what} to be a duration like 30s, 10m or 1.5h, got "${text}"`);
}

/** Reads a positive whole number. @throws UsageError */
export function parseCount(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`expected ${what} to be a whole number from 1 on, got "${text}"`);
}

/** Reads the items of a list like `1,2,4`. @throws UsageError when one is empty or is there twice. */
export function parseList<Item>(text: string, what: string, parse: (item: string) => Item): Item[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new UsageError(`expected ${what} to be a list like a,b,c, got "${text}"`);
  const parsed = items.map(parse);
  const twice = parsed.find((item, i) => parsed.indexOf(item) !== i);
  if (twice !== undefined) throw new UsageError(`expected each of ${what} once, got "${twice}" twice`);
  return parsed;
}

/** Reads a limit of a service, like `100/s` or `tokens=90000/60s`. @throws UsageError */
export function parseLimitFlag(text: string): ServiceLimit {
  try {
    return parseLimit(text);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
