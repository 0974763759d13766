/**
 * A task may throw any value: a revoked proxy, or an object whose getters throw. Then `instanceof` and the
 * reading of a member throw, too. Code that looks at a thrown value therefore uses these functions, which
 * never throw.
 */

/** Returns what `look` returns, and `otherwise` where it throws. */
export function attempt<Found>(look: () => Found, otherwise: Found): Found {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

/** Does what `instanceof` does. False where a proxy refuses to answer. */
export function isInstance<Type>(
  thrown: unknown,
  type: abstract new (...args: never[]) => Type,
): thrown is Type {
  return attempt(() => thrown instanceof type, false);
}

/** Returns a member of the value; `undefined` where there is none, or where it cannot be read. */
export function memberOf(thrown: unknown, key: PropertyKey): unknown {
  return attempt(() => (thrown as Record<PropertyKey, unknown>)[key], undefined);
}

/** Returns the message of an error, or the value as a text. */
export function messageOf(thrown: unknown): string {
  const message = memberOf(thrown, 'message');
  if (typeof message === 'string') return message;
  return attempt(() => String(thrown), 'it threw a value that cannot be shown');
}
