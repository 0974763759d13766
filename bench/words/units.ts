/** Numbers are formatted for people. KB is 1,000 bytes. */

/** Formats three significant digits, with separators from 1,000 on: 0.0123, 4.56, 123, 1,230. */
export function number(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value).replace('Infinity', '∞');
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const rounded = Number(value.toPrecision(3));
  return grouped(rounded.toFixed(Math.min(20, Math.max(0, 2 - magnitude))));
}

/** Formats a whole number with separators: 1,230. */
export function whole(value: number): string {
  return grouped(String(value));
}

/**
 * Separates thousands, and leaves zeros at the end of a fraction out. `Intl` needs 26 ms for the first number
 * of a process.
 */
function grouped(digits: string): string {
  const [before = '', fraction = ''] = digits.split('.');
  const kept = fraction.replace(/0+$/, '');
  return `${before.replace(/\B(?=(?:\d{3})+$)/g, ',')}${kept === '' ? '' : `.${kept}`}`;
}

/** Formats a ratio with two decimals, or three digits where these say more: `1.85×`, `0.0051×`. */
export function ratio(value: number): string {
  return `${value > 0 && value < 0.1 ? number(value) : value.toFixed(2)}×`;
}

/** Formats a share, 0 to 1, with three significant digits: `4.27 %`. */
export function percent(share: number): string {
  return `${number(100 * share)} %`;
}

export function megabytes(bytes: number): string {
  return `${number(bytes / 1e6)} MB`;
}

export function size(bytes: number): string {
  if (bytes >= 1e6) return `${number(bytes / 1e6)} MB`;
  return bytes >= 1e3 ? `${number(bytes / 1e3)} KB` : `${number(bytes)} B`;
}

/** Formats the sizes that most documents have: `1 KB`, `2 KB to 30 KB`. */
export function sizesOf({ p5, p95 }: { readonly p5: number; readonly p95: number }): string {
  return size(p5) === size(p95) ? size(p5) : `${size(p5)} to ${size(p95)}`;
}

/** Formats a duration: `45 s`, `4 min 05 s`, `1 h 10 min`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Joins items: "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** Formats documents that run one by one: `1 document`, `3 documents one after the other`. */
export function inTurn(documents: number): string {
  return `${counted(documents, 'document')}${documents === 1 ? '' : ' one after the other'}`;
}

/** Formats a count with its noun, whose plural ends in s: `1 document`, `1,200 documents`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}
