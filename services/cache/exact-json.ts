/**
 * Returns the value as JSON when `JSON.parse` makes exactly the same value of it, else null: JSON has no
 * `undefined`, no negative zero, no `NaN`, no maps, dates or bytes, and does not tell that an object is there
 * twice. Most results are objects of texts and numbers. `v8.serialize` leaves two objects outside of the heap
 * behind for each of them, which the collector has to free; JSON leaves a text.
 * @param value a copy, which has no getters
 */
export function exactJson(value: unknown): string | null {
  if (!isExact(value, new Set())) return null;
  try {
    return JSON.stringify(value);
  } catch {
    return null; // longer than a text can be
  }
}

function isExact(value: unknown, around: Set<object>): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  if (value === null) return true;
  if (around.has(value)) return false;
  around.add(value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) {
    for (const key in value) if (!isExact((value as Record<string, unknown>)[key], around)) return false;
    return true;
  }
  if (prototype !== Array.prototype || !isShortList(value as unknown[])) return false;
  for (const part of value as unknown[]) if (!isExact(part, around)) return false;
  return true;
}

/** An array may have properties beside its elements. To find them, all names must be listed. */
function isShortList(array: unknown[]): boolean {
  return array.length <= 64 && Object.keys(array).length === array.length;
}
