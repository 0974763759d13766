import { counted } from '../words/units.js';
import type { DocumentFact } from './probe-host.js';

/** Words that several findings share. */

/** A finding names at most this many documents. */
const maxNamed = 3;

export function someOk(facts: readonly Pick<DocumentFact, 'status'>[]): boolean {
  return facts.some(({ status }) => status === 'ok');
}

/** Names documents, with their errors. Neighbours with the same error share its message. */
export function names(facts: readonly Pick<DocumentFact, 'id' | 'error'>[]): string {
  const shown = facts.slice(0, maxNamed).map(({ id, error }, i, all) => {
    const isRepeated = i + 1 < all.length && all[i + 1]?.error?.message === error?.message;
    return `"${id}"${error === null || isRepeated ? '' : ` (${error.message})`}`;
  });
  return `${shown.join(', ')}${facts.length > maxNamed ? `, and ${facts.length - maxNamed} more` : ''}`;
}

export function documents(count: number): string {
  return counted(count, 'document');
}

/** For documents that run several times. */
export function calls(count: number): string {
  return counted(count, 'call');
}

export function often(times: number): string {
  return ['', 'once', 'twice'][times] ?? `${times} times`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
