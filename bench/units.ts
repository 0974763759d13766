import { UsageError } from './errors.js';

/** Numbers for people, and back. Sizes: KB = 1,000 bytes, KiB = 1,024. */

const sizeUnits: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** `10KB` → 10000. @throws UsageError */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b)$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (sizeUnits[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (Number.isInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`expected a size like 10KB, 64KiB or 1.5MB, got "${text}"`);
}

const durationUnits: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3 };

/** `30s` → 30000, `1.5h`, `250ms`, `10m`. Milliseconds. @throws UsageError */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/i.exec(text.trim()) ?? [];
  const ms = Number(digits) * (durationUnits[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new UsageError(`expected a duration like 30s, 10m or 1.5h, got "${text}"`);
}

/** A positive whole number. @throws UsageError */
export function parseCount(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`expected ${what} to be a whole number from 1 on, got "${text}"`);
}

/** `1,2,4` → its items, trimmed. @throws UsageError when one is empty or stands twice. */
export function parseList<Item>(text: string, what: string, parse: (item: string) => Item): Item[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new UsageError(`expected ${what} to be a list like a,b,c, got "${text}"`);
  const parsed = items.map(parse);
  const twice = parsed.find((item, i) => parsed.indexOf(item) !== i);
  if (twice !== undefined) throw new UsageError(`expected each of ${what} once, got "${twice}" twice`);
  return parsed;
}

/** Three significant digits, with separators from 1,000 on: 0.0123, 4.56, 123, 1,230. */
export function number(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const rounded = Number(value.toPrecision(3));
  return formatterOf(Math.min(20, Math.max(0, 2 - magnitude))).format(rounded);
}

const formatters = new Map<number, Intl.NumberFormat>();

/** Made once: making one takes far longer than using it. */
function formatterOf(maximumFractionDigits: number): Intl.NumberFormat {
  const known = formatters.get(maximumFractionDigits);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat('en-US', { maximumFractionDigits });
  formatters.set(maximumFractionDigits, made);
  return made;
}

export function ratio(value: number): string {
  return `${value.toFixed(2)}×`;
}

export function megabytes(bytes: number): string {
  return `${number(bytes / 1e6)} MB`;
}

export function size(bytes: number): string {
  if (bytes >= 1e6) return `${number(bytes / 1e6)} MB`;
  return bytes >= 1e3 ? `${number(bytes / 1e3)} KB` : `${number(bytes)} B`;
}

/** `45 s`, `4 min 05 s`, `1 h 10 min` */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** "a", "a and b", "a, b and c" */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
