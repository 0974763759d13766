import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { serialize } from 'node:v8';
import type { Outcome } from '../../strategies/strategy.js';
import type { Workload } from '../../workloads/workload.js';
import { clonedError } from './cloned-error.js';

/**
 * Returns a stable hash of a value as structured clone delivers it: a Buffer has the same hash as a
 * Uint8Array of the same bytes, and a class instance the same as its plain object. The order of object keys,
 * map entries and set members does not matter.
 */
export function stableDigest(value: unknown): string {
  return sha256(treeText(value) ?? graphText(value, new Map()));
}

/**
 * Returns the text that must be equal in all strategies for one document: the status of a failure, which a
 * fallback is, too; otherwise
 * the task's own digest or, if the task has none, a hash of the value.
 */
export function outcomeDigest(outcome: Outcome, workload: Pick<Workload, 'digest'>): string {
  if (outcome.status !== 'ok') return outcome.status;
  if (outcome.fallback === true) return 'failed';
  return workload.digest
    ? `ok ${String(workload.digest(outcome.value))}`
    : `ok ${stableDigest(outcome.value)}`;
}

/**
 * Returns the size of a value when it crosses a process boundary, bytes. Null if it cannot be serialized,
 * such as shared memory.
 */
export function serializedBytes(value: unknown): number | null {
  try {
    return serialize(value).length;
  } catch {
    return null;
  }
}

/**
 * Returns one digest for a pass, made from its documents' digests in corpus order. It protects no secret, so
 * sixteen hexadecimal digits are enough.
 */
export function corpusDigest(digests: readonly string[]): string {
  return sha256(JSON.stringify(digests)).slice(0, 16);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * A text that visits an object once on every path to it. Nodes of a document know their parents, siblings and
 * children: there are more paths through such a graph than anything could visit.
 */
const maxVisits = 20_000;

/** Returns the text of a value, whatever objects of it are the same; null if that takes too many visits. */
function treeText(value: unknown): string | null {
  let visits = 0;
  const encode = (value: unknown, ancestors: readonly object[]): string => {
    if (!isObject(value)) return primitiveText(value);
    const level = ancestors.indexOf(value);
    if (level >= 0) return `^${ancestors.length - level}`; // a cycle: the number of levels up
    visits += 1 + ancestors.length / 16; // deep ones take longer, since all ancestors are compared
    if (visits > maxVisits) return '';
    const path = [...ancestors, value];
    return objectText(value, (part) => (visits > maxVisits ? '' : encode(part, path)));
  };
  const text = encode(value, []);
  return visits > maxVisits ? null : text;
}

/** Returns the text of a value in which each object occurs once, with its number where it occurs again. */
function graphText(value: unknown, numbers: Map<object, number>): string {
  if (!isObject(value)) return primitiveText(value);
  const number = numbers.get(value);
  if (number !== undefined) return `#${number}`;
  numbers.set(value, numbers.size);
  return objectText(value, (part) => graphText(part, numbers));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function primitiveText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/** Returns an unambiguous text for an object: strings are quoted, and every kind has its own tag. */
function objectText(value: object, inner: (part: unknown) => string): string {
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
  if (types.isNativeError(value)) {
    const { name, message } = clonedError(value);
    return `Error(${JSON.stringify([name, message])})`;
  }
  if (types.isBoxedPrimitive(value)) return `Object(${inner(value.valueOf())})`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${inner(entry)}`).join()}}`;
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
