import { types } from 'node:util';

/**
 * Says which part of a value the structured clone algorithm refuses: `null` when none, else its path and
 * what is there, as in `result.items[3].parse is a function`. It visits what the algorithm visits (own
 * enumerable properties, elements, map and set entries) and costs a fraction of the clone itself.
 */
export function uncloneable(value: unknown): string | null {
  return walk(value, 'result', null);
}

function walk(value: unknown, path: string, ancestors: Set<object> | null): string | null {
  if (typeof value === 'function') return `${path} is a function`;
  if (typeof value === 'symbol') return `${path} is a symbol`;
  if (typeof value !== 'object' || value === null) return null;
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return null;
  if (ancestors?.has(value)) return null;
  const prototype = Object.getPrototypeOf(value);
  const plain = (prototype === Object.prototype || prototype === Array.prototype) && !types.isProxy(value);
  const refused = plain ? null : refusedKind(value); // a dozen checks, which most values do not need
  if (refused !== null) return `${path} is a ${refused}`;
  const seen = (ancestors ?? new Set()).add(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (isData(value[i])) continue;
      const found = walk(value[i], `${path}[${i}]`, seen);
      if (found !== null) return found;
    }
    return null;
  }
  if (types.isMap(value)) {
    for (const [key, entry] of value) {
      const found =
        walk(key, `a key of ${path}`, seen) ??
        walk(entry, `${path}.get(${typeof key === 'object' ? '…' : String(key)})`, seen);
      if (found !== null) return found;
    }
    return null;
  }
  if (types.isSet(value)) {
    for (const entry of value) {
      const found = walk(entry, `an entry of ${path}`, seen);
      if (found !== null) return found;
    }
    return null;
  }
  // Errors and boxed primitives, dates and expressions are cloned by what they are, not by their properties.
  if (
    types.isNativeError(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value)
  )
    return null;
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    if (isData(part)) continue;
    const found = walk(part, `${path}.${key}`, seen);
    if (found !== null) return found;
  }
  return null;
}

/** Recognizes data without building its path, which is enough for most parts. */
function isData(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'string' || value === null;
}

function refusedKind(value: object): string | null {
  if (types.isProxy(value)) return 'Proxy';
  if (types.isPromise(value)) return 'Promise';
  if (types.isWeakMap(value)) return 'WeakMap';
  if (types.isWeakSet(value)) return 'WeakSet';
  if (value instanceof WeakRef) return 'WeakRef';
  if (types.isGeneratorObject(value)) return 'generator';
  if (types.isModuleNamespaceObject(value)) return 'module namespace';
  if (types.isSymbolObject(value)) return 'symbol object';
  if (types.isExternal(value)) return 'native handle';
  return null;
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
