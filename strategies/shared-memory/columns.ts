/**
 * The values of one message as columns. Tasks return objects with the same few members, and a message that
 * clones them writes and reads the names of all members again for each: that took twice as long as to take
 * the objects apart, send a list per member, and make them again.
 */
export interface Columns {
  readonly keys: readonly string[];
  /** Has, for each key, the members of all objects. */
  readonly lists: readonly (readonly unknown[])[];
}

/** Fewer values than this are sent as they are. */
const minValues = 8;

/**
 * Takes plain objects apart. Returns null when the values are something else, do not have the same members in
 * the same order, or have parts that are objects themselves: one of these could be in several places.
 */
export function columnsOf(values: readonly unknown[]): Columns | null {
  const first = values[0];
  if (values.length < minValues || !isPlain(first)) return null;
  const keys = Object.keys(first);
  const lists = keys.map((): unknown[] => []);
  for (const value of values) {
    if (!isPlain(value)) return null;
    let at = 0;
    for (const key in value) {
      const member = value[key];
      if (key !== keys[at] || key === '__proto__') return null;
      if (typeof member === 'object' && member !== null) return null;
      (lists[at++] as unknown[]).push(member);
    }
    if (at < keys.length) return null;
  }
  return { keys, lists };
}

/** Makes the objects again. @param count number of objects: they may have no members */
export function valuesOf({ keys, lists }: Columns, count: number): unknown[] {
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const value: Record<string, unknown> = {};
    for (let at = 0; at < keys.length; at++) value[keys[at] as string] = (lists[at] as unknown[])[i];
    values.push(value);
  }
  return values;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
