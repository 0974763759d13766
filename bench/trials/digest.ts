import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { serialize } from 'node:v8';
import type { Outcome } from '../../strategies/strategy.js';
import type { Workload } from '../../workloads/workload.js';

/**
 * A stable hash of a value as structured clone delivers it: a Buffer equals a Uint8Array of the same bytes, a class
 * instance its plain object. The order of object keys, map entries and set members does not matter.
 */
export function stableDigest(value: unknown): string {
  return sha256(encode(value, []));
}

/** What must be equal across strategies for one document: the task's own digest if it has one; a failure by its status. */
export function outcomeDigest(outcome: Outcome, workload: Workload): string {
  if (outcome.status !== 'ok') return outcome.status;
  return workload.digest
    ? `ok ${String(workload.digest(outcome.value))}`
    : `ok ${stableDigest(outcome.value)}`;
}

/** What a value takes where it crosses a process boundary; null for what does not cross one that way, as shared memory. */
export function serializedBytes(value: unknown): number | null {
  try {
    return serialize(value).length;
  } catch {
    return null;
  }
}

/** One digest for a pass, from its documents' digests in corpus order. Sixteen hexadecimal digits: it is no secret. */
export function corpusDigest(digests: readonly string[]): string {
  return sha256(JSON.stringify(digests)).slice(0, 16);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Unambiguous text for a value; strings are quoted, every kind of object has a tag of its own. */
function encode(value: unknown, ancestors: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  const level = ancestors.indexOf(value);
  if (level >= 0) return `^${ancestors.length - level}`; // a cycle, by how far up it leads
  const inner = (part: unknown) => encode(part, path);
  const path = [...ancestors, value];
  if (Array.isArray(value)) return `[${value.map(inner).join()}]`;
  if (types.isTypedArray(value)) return `${value[Symbol.toStringTag]}(${sha256(bytesOf(value))})`;
  if (types.isDataView(value)) return `DataView(${sha256(bytesOf(value))})`;
  if (types.isAnyArrayBuffer(value)) return `ArrayBuffer(${sha256(new Uint8Array(value))})`;
  if (types.isMap(value))
    return `Map{${[...value]
      .map(([key, entry]) => `${inner(key)}=>${inner(entry)}`)
      .sort()
      .join()}}`;
  if (types.isSet(value)) return `Set{${[...value].map(inner).sort().join()}}`;
  if (types.isDate(value)) return `Date(${value.getTime()})`;
  if (types.isRegExp(value)) return String(value);
  if (types.isNativeError(value)) return `Error(${JSON.stringify([value.name, value.message])})`;
  if (types.isBoxedPrimitive(value)) return `Object(${inner(value.valueOf())})`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${inner(entry)}`).join()}}`;
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
