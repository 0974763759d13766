import { types } from 'node:util';
import { errorNames } from '../trials/cloned-error.js';

/**
 * Names the first part of a value that structured clone changes without an error, as in
 * `result.total is an instance of Money`. Such a part is the class of an object, with its methods, getters
 * and private fields, or a property that is hidden or named by a symbol. Null if there is none.
 */
export function lostPart(value: unknown): string | null {
  return walk(value, 'result', new Set());
}

function walk(value: unknown, path: string, seen: Set<object>): string | null {
  if (typeof value !== 'object' || value === null || seen.has(value)) return null;
  seen.add(value);
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return null;
  const className = classOf(value);
  if (className !== null) return `${path} is an instance of ${className}`;
  if (types.isMap(value)) {
    for (const [key, entry] of value) {
      const lost = walk(key, `a key of ${path}`, seen) ?? walk(entry, `${path}.get(${shown(key)})`, seen);
      if (lost !== null) return lost;
    }
  } else if (types.isSet(value)) {
    for (const entry of value) {
      const lost = walk(entry, `an entry of ${path}`, seen);
      if (lost !== null) return lost;
    }
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const lost = walk(value[i], `${path}[${i}]`, seen);
      if (lost !== null) return lost;
    }
  } else if (!isBuiltIn(value) && !types.isNativeError(value)) return walkProperties(value, path, seen);
  return null;
}

function walkProperties(value: object, path: string, seen: Set<object>): string | null {
  const properties = Object.getOwnPropertyDescriptors(value) as Record<PropertyKey, PropertyDescriptor>;
  for (const key of Reflect.ownKeys(properties)) {
    const { enumerable, value: part } = properties[key] as PropertyDescriptor;
    if (typeof key === 'symbol') return `${path}[${String(key)}] is named by a symbol`;
    if (!enumerable) return `${path}.${key} is hidden (not enumerable)`;
    const lost = walk(part, `${path}.${key}`, seen);
    if (lost !== null) return lost;
  }
  return null;
}

/**
 * Names the class of an object; null where structured clone keeps it. This compares how many prototypes
 * there are instead of the prototypes themselves, so that plain objects of another realm are plain as well.
 */
function classOf(value: object): string | null {
  const own = String(value.constructor?.name || 'Object');
  const name = own === 'Object' ? 'a class without a name' : own;
  if (types.isNativeError(value)) return errorNames.includes(name) ? null : name;
  const kept = isBuiltIn(value) ? 2 : 1;
  return prototypes(value) > kept ? name : null;
}

function isBuiltIn(value: object): boolean {
  return (
    Array.isArray(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value)
  );
}

function prototypes(value: object): number {
  let count = 0;
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) count++;
  return count;
}

function shown(key: unknown): string {
  return typeof key === 'object' ? '…' : String(key);
}
