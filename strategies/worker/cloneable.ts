import { types } from 'node:util';
import { hostClass } from './host-class.js';

/** The task's result has a part that cannot leave a worker. The message says which part and what it is. */
export class UncloneableError extends Error {
  override readonly name = 'DataCloneError';

  constructor(where: string) {
    super(`the task's result cannot be cloned to another thread or process: ${where}`);
    delete this.stack; // it would show our code
  }
}

/**
 * Parts of a value may be in this shared memory, in any, or in none. A process cannot receive shared memory,
 * and a thread could go on to write to what its caller reads. Views of allowed memory are copied.
 */
export type AllowedShared = SharedArrayBuffer | 'any' | null;

/** @throws UncloneableError, and what a getter in the value throws */
export function refuseUncloneable(value: unknown, allowed: AllowedShared = null): void {
  const where = uncloneable(value, allowed);
  if (where !== null) throw new UncloneableError(where);
}

/**
 * Says which part of a value a result may not have: `null` when none, else its path and what is there, as in
 * `result.items[3].parse is a function`. These are the parts that the structured clone algorithm refuses,
 * detached buffers among them, objects that belong to Node (`host-class.ts`), and shared memory. It visits
 * what the algorithm visits (own enumerable properties, elements, map and set entries, the cause of an error)
 * and costs a fraction of the clone itself.
 */
export function uncloneable(value: unknown, allowed: AllowedShared = null): string | null {
  return walk(value, { path: 'result', depth: 0, seen: null, allowed });
}

/** Tells whether a view has lost its memory, or is of shared memory that is not allowed. */
export function isRefusedView(view: ArrayBufferView, allowed: AllowedShared): boolean {
  return isDetached(view) || isRefusedShared(view, allowed);
}

function isRefusedShared(view: ArrayBufferView, allowed: AllowedShared): boolean {
  if (allowed === 'any') return false;
  const { buffer } = view;
  // A buffer of another realm has another class, and only Node's own check knows that one.
  return !(buffer instanceof ArrayBuffer) && types.isSharedArrayBuffer(buffer) && buffer !== allowed;
}

/**
 * Tells whether a buffer was transferred, or has become too short for its view. On Node 20 only an attempt to
 * use it shows that, and a `DataView` throws already when its length is read.
 */
function isDetached(part: ArrayBuffer | ArrayBufferView): boolean {
  try {
    if (part.byteLength > 0) return false;
    if (types.isTypedArray(part)) part.at(0);
    else if (types.isArrayBuffer(part)) new Uint8Array(part);
    return false;
  } catch {
    return true;
  }
}

/**
 * A result may have this many levels. Node serializes a value by recursion, and what a stack bears differs
 * between a thread, a process and the main thread.
 */
export const maxDepth = 500;

/** The path to a level that is too deep is cut to this many characters. */
const maxPathShown = 60;

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly seen: Set<object> | null;
  readonly allowed: AllowedShared;
}

function walk(value: unknown, { path, depth, seen: before, allowed }: Place): string | null {
  if (typeof value === 'function') return `${path} is a function`;
  if (typeof value === 'symbol') return `${path} is a symbol`;
  if (typeof value !== 'object' || value === null) return null;
  if ((ArrayBuffer.isView(value) || types.isArrayBuffer(value)) && isDetached(value))
    return `${path} has no bytes any more: its ArrayBuffer was transferred or made smaller`;
  if (ArrayBuffer.isView(value))
    return isRefusedShared(value, allowed) ? `${path} is a view of a SharedArrayBuffer: return a copy` : null;
  if (types.isArrayBuffer(value)) return null;
  if (types.isSharedArrayBuffer(value))
    return allowed === 'any' ? null : `${path} is a SharedArrayBuffer: return a copy`;
  if (before?.has(value)) return null;
  if (depth > maxDepth) return `it has more than ${maxDepth} levels, as ${path.slice(0, maxPathShown)}…`;
  const prototype = Object.getPrototypeOf(value);
  const plain = (isPlain(value, prototype) || prototype === Array.prototype) && !types.isProxy(value);
  const refused = plain ? null : refusedKind(value, prototype);
  if (refused !== null) return `${path} is ${/^[AEIO]/i.test(refused) ? 'an' : 'a'} ${refused}`;
  if (plain && !Array.isArray(value) && hasDataOnly(value)) return null; // most results are such objects
  const seen = (before ?? new Set()).add(value);
  const within = (part: unknown, path: string) => walk(part, { path, depth: depth + 1, seen, allowed });
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (isData(value[i])) continue;
      const found = within(value[i], `${path}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  if (types.isMap(value)) {
    for (const [key, entry] of value) {
      const found =
        within(key, `a key of ${path}`) ??
        within(entry, `${path}.get(${typeof key === 'object' ? '…' : String(key)})`);
      if (found !== null) return found;
    }
    return null;
  }
  if (types.isSet(value)) {
    for (const entry of value) {
      const found = within(entry, `an entry of ${path}`);
      if (found !== null) return found;
    }
    return null;
  }
  // These are cloned by what they are, not by their properties, except for the cause of an error.
  if (types.isNativeError(value))
    return Object.hasOwn(value, 'cause') ? within(value.cause, `${path}.cause`) : null;
  if (types.isDate(value) || types.isRegExp(value) || types.isBoxedPrimitive(value)) return null;
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    if (isData(part)) continue;
    const found = within(part, `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

/** Tells an ordinary object from `arguments`, which has the same prototype and cannot be cloned. */
export function isPlain(value: object, prototype: object | null): boolean {
  return (
    prototype === Object.prototype && (value as Partial<Iterable<unknown>>)[Symbol.iterator] === undefined
  );
}

/** Recognizes data without building its path, which is enough for most parts. */
function isData(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'string' || value === null;
}

function hasDataOnly(value: object): boolean {
  for (const key of Object.keys(value)) if (!isData((value as Record<string, unknown>)[key])) return false;
  return true;
}

function refusedKind(value: object, prototype: object | null): string | null {
  if (types.isProxy(value)) return 'Proxy';
  if (types.isArgumentsObject(value)) return 'arguments object';
  if (types.isModuleNamespaceObject(value)) return 'module namespace';
  if (types.isExternal(value)) return 'native handle';
  return prototype === null ? null : hostClass(prototype);
}

/**
 * Calls `send` of a process's channel, which throws an ordinary error for what cannot be cloned; ports name
 * it.
 */
export function sendCloned(send: () => void): void {
  try {
    send();
  } catch (cause) {
    throw new DOMException((cause as Error).message, 'DataCloneError');
  }
}
