import { types } from 'node:util';
import { type AllowedShared, isPlain, isRefusedView, maxDepth, refuseUncloneable } from './cloneable.js';
import { copyOfView, isLarge, type LargePart, type LargeParts } from './large-parts.js';

/**
 * Copies a value now, as structured clone would deliver it. A worker that reports in bulk must not send
 * what the task has changed since: if a task fills one result object again for every document, each outcome
 * would have the last content.
 *
 * Plain data (objects, short arrays, typed arrays, primitives) is copied by hand, at a tenth of the cost of
 * `structuredClone`; a typed array is copied as far as it reaches, not with the rest of its buffer.
 * @param allowed parts of the value may be in this shared memory, which other documents will use; they
 * become copies wherever they are
 * @param large takes the large parts, which travel beside the message; null: all are copied
 * @throws UncloneableError for what cannot be cloned.
 */
export function snapshot(
  value: unknown,
  allowed: AllowedShared = null,
  large: LargeParts | null = null,
): unknown {
  const copy = plainCopy(value, null, 0, { allowed, large });
  if (copy !== notPlain) return copy;
  large?.forget(); // parts of the copy that was not finished
  // Structured clone takes some objects that only some strategies can carry.
  refuseUncloneable(value, allowed);
  const clone: unknown = structuredClone(value);
  return allowed === null ? clone : unshared(clone, new Set());
}

interface Around {
  readonly allowed: AllowedShared;
  readonly large: LargeParts | null;
}

const notPlain = Symbol('not plain');
/**
 * Arrays up to this length are copied by hand. To find properties beside the elements, as a match of a
 * regular expression has, all names must be listed.
 */
const shortArray = 64;

/**
 * @param copies the copies of the objects around this one: an object that occurs twice stays one, and
 * cycles end
 */
function plainCopy(
  value: unknown,
  copies: Map<object, unknown> | null,
  depth: number,
  around: Around,
): unknown {
  if (typeof value !== 'object')
    return typeof value === 'function' || typeof value === 'symbol' ? notPlain : value;
  if (value === null) return value;
  const known = copies?.get(value);
  if (known !== undefined) return known;
  if (depth > maxDepth) return notPlain;
  if (ArrayBuffer.isView(value))
    return isRefusedView(value, around.allowed) ? notPlain : ownPart(value, copies, around);
  if (types.isProxy(value)) return notPlain;
  const prototype = Object.getPrototypeOf(value);
  if (isPlain(value, prototype)) return copyOfObject(value as Record<string, unknown>, copies, depth, around);
  if (prototype === Array.prototype) return copyOfArray(value as unknown[], copies, depth, around);
  return types.isArrayBuffer(value) && isLarge(value, around.large?.minBytes)
    ? ownPart(value, copies, around)
    : notPlain;
}

function copyOfObject(
  value: Record<string, unknown>,
  copies: Map<object, unknown> | null,
  depth: number,
  around: Around,
): unknown {
  const copy = { ...value };
  copies?.set(value, copy);
  let all = copies;
  for (const key in copy) {
    const part = copy[key];
    if (typeof part === 'number' || typeof part === 'string') continue;
    if (typeof part === 'object' && part !== null) all ??= new Map<object, unknown>([[value, copy]]);
    const partCopy = plainCopy(part, all, depth + 1, around);
    if (partCopy === notPlain) return notPlain;
    copy[key] = partCopy;
  }
  return copy;
}

function copyOfArray(
  value: unknown[],
  copies: Map<object, unknown> | null,
  depth: number,
  around: Around,
): unknown {
  if (value.length > shortArray || Object.keys(value).length !== value.length) return notPlain;
  const copy: unknown[] = [...value];
  const all = (copies ?? new Map<object, unknown>()).set(value, copy);
  for (let i = 0; i < copy.length; i++) {
    const partCopy = plainCopy(copy[i], all, depth + 1, around);
    if (partCopy === notPlain) return notPlain;
    copy[i] = partCopy;
  }
  return copy;
}

/** A Buffer arrives as a Uint8Array, and two views of one buffer as two buffers. */
function ownPart(part: LargePart, copies: Map<object, unknown> | null, { large }: Around): unknown {
  const own = (isLarge(part, large?.minBytes) ? large?.take(withoutClass(part)) : null) ?? copyOf(part);
  copies?.set(part, own);
  return own;
}

function withoutClass(part: LargePart): LargePart {
  if (!Buffer.isBuffer(part)) return part;
  return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
}

function copyOf(part: LargePart): LargePart {
  return ArrayBuffer.isView(part) ? copyOfView(part) : part.slice(0);
}

/** Replaces every view of shared memory by a copy, in a value that structured clone has made. */
function unshared(value: unknown, seen: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  seen.add(value);
  if (ArrayBuffer.isView(value)) return types.isSharedArrayBuffer(value.buffer) ? copyOfView(value) : value;
  if (types.isAnyArrayBuffer(value))
    return types.isSharedArrayBuffer(value) ? new Uint8Array(new Uint8Array(value)).buffer : value;
  if (types.isMap(value)) {
    const entries = [...value];
    value.clear();
    for (const [key, entry] of entries) value.set(unshared(key, seen), unshared(entry, seen));
  } else if (types.isSet(value)) {
    const entries = [...value];
    value.clear();
    for (const entry of entries) value.add(unshared(entry, seen));
  } else {
    for (const key of Object.keys(value)) {
      const parts = value as Record<string, unknown>;
      parts[key] = unshared(parts[key], seen);
    }
  }
  return value;
}
