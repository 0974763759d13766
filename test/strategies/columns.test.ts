import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { columnsOf, valuesOf } from '../../strategies/shared-memory/columns.js';

/** Sends values as a worker does. */
function sent(values: readonly unknown[]): { readonly values: unknown[]; readonly wereColumns: boolean } {
  const columns = columnsOf(values);
  if (columns === null) return { values: structuredClone([...values]), wereColumns: false };
  return { values: valuesOf(structuredClone(columns), values.length), wereColumns: true };
}

function keysOf(values: readonly unknown[]): unknown[] {
  return values.map((value) => (typeof value === 'object' && value !== null ? Object.keys(value) : null));
}

describe('columns of results', () => {
  const member = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.string(),
    fc.bigInt(),
    fc.constantFrom(undefined, null, true, -0),
  );

  it('arrive as they were sent when all have the same members', () => {
    const objects = fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 6 }).chain((keys) =>
      fc.array(
        fc
          .tuple(...keys.map(() => member))
          .map((parts) => Object.fromEntries(keys.map((key, i) => [key, parts[i]]))),
        { minLength: 8, maxLength: 20 },
      ),
    );
    fc.assert(
      fc.property(objects, (values) => {
        const found = sent(values);
        assert.equal(found.wereColumns, !Object.hasOwn(values[0] as object, '__proto__'));
        assert.deepEqual(found.values, structuredClone(values));
        assert.deepEqual(keysOf(found.values), keysOf(values));
      }),
      { numRuns: 40 },
    );
  });

  it('arrive as they were sent when they are anything else', () => {
    const value = fc.oneof(
      member,
      fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '1'), fc.oneof(member, fc.array(member)), {
        maxKeys: 3,
      }),
      fc.constantFrom([1, 2], new Date(1), new Uint8Array(2), new Map([[1, 2]])),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), (values) => {
        const found = sent(values);
        assert.deepEqual(found.values, structuredClone(values));
        assert.deepEqual(keysOf(found.values), keysOf(values));
      }),
    );
  });

  it('keep an object that is in two places one object', () => {
    const values = Array.from({ length: 8 }, () => {
      const shared = { text: 'in two places' };
      return { first: shared, second: shared };
    });
    for (const value of sent(values).values as typeof values) assert.equal(value.first, value.second);
  });

  it('keep a member that is called like the prototype', () => {
    const values = Array.from({ length: 8 }, () => JSON.parse('{"__proto__":"its own","a":1}'));
    assert.deepEqual(keysOf(sent(values).values), keysOf(values));
    assert.equal(Object.getPrototypeOf(sent(values).values[0]), Object.prototype);
  });

  it('are not made of objects with members in another order', () => {
    const values = Array.from({ length: 8 }, (_, i) => (i === 5 ? { b: 1, a: 2 } : { a: 1, b: 2 }));
    assert.equal(columnsOf(values), null);
    assert.equal(columnsOf(values.with(5, { a: 1, b: 2 })) === null, false);
  });
});
