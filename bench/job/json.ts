import { types } from 'node:util';
import { clonedError } from '../trials/cloned-error.js';

/**
 * A task's result as JSON. A result may hold values that structured clone carries and JSON does not. Every
 * strategy uses this one mapping; the first row that fits counts:
 *
 * | value | JSON |
 * | --- | --- |
 * | `undefined`, `NaN`, `Infinity`, `-Infinity`, an invalid `Date` | `null`, also as a member or item |
 * | `bigint` | a string of its digits |
 * | `Date` | an ISO string |
 * | `RegExp` | a string such as `/a/g` |
 * | `Uint8Array`, `Buffer`, `ArrayBuffer`, `SharedArrayBuffer`, `DataView` | a base64 string of the bytes |
 * | other typed arrays | an array of numbers; of strings for `bigint` arrays |
 * | `Map` | an object when all keys are strings, else an array of `[key, value]` |
 * | `Set` | an array |
 * | `Error` | `{ name, message }`, as structured clone keeps them |
 * | `new String('a')` and the like | the primitive value |
 * | any other object | its own members, whatever its class; `toJSON` is not called |
 *
 * A value may come from another realm, as `vm` and jsdom make, on the caller's own thread.
 * @throws TypeError for a value that contains itself; RangeError for one that is nested too deep.
 */
export function jsonOf(value: unknown): string {
  return JSON.stringify(isPlain(value) ? value : plain(value, new Set()));
}

/** A value that is nested deeper than this is mapped, which also notices one that contains itself. */
const maxPlainDepth = 16;

/** Returns true when JSON expresses the value as it is, which most results are: mapping them takes longer. */
function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  if (value === null) return true;
  if (depth === maxPlainDepth || 'toJSON' in value) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key of Object.keys(value))
    if (!isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

function plain(value: unknown, within: Set<object>): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return value === undefined ? null : value;
  if (value === null) return null;
  if (within.has(value)) throw new TypeError('the result contains itself, which JSON cannot express');
  within.add(value);
  const made = plainObject(value, within);
  within.delete(value);
  return made;
}

function plainObject(value: object, within: Set<object>): unknown {
  const inner = (item: unknown) => plain(item, within);
  if (Array.isArray(value)) return Array.from(value, inner); // `map` would skip holes
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (types.isRegExp(value)) return String(value);
  if (types.isUint8Array(value) || types.isDataView(value))
    return base64(value.buffer, value.byteOffset, value.byteLength);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, inner);
  if (types.isAnyArrayBuffer(value)) return base64(value, 0, value.byteLength);
  if (types.isSet(value)) return [...value].map(inner);
  if (types.isMap(value)) {
    const entries = [...value] as [unknown, unknown][];
    return entries.every((entry): entry is [string, unknown] => typeof entry[0] === 'string')
      ? objectOf(entries, inner)
      : entries.map(([key, item]) => [inner(key), inner(item)]);
  }
  if (types.isNativeError(value)) return clonedError(value);
  if (types.isBoxedPrimitive(value)) return inner(value.valueOf());
  return objectOf(Object.entries(value), inner);
}

/** The object has no prototype, so that a member named `__proto__` stays an ordinary member. */
function objectOf(
  entries: readonly (readonly [string, unknown])[],
  inner: (item: unknown) => unknown,
): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, item] of entries) object[key] = inner(item);
  return object;
}

function base64(buffer: ArrayBufferLike, offset: number, length: number): string {
  return Buffer.from(buffer as ArrayBuffer, offset, length).toString('base64');
}
