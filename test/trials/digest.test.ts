import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { outcomeDigest, stableDigest } from '../../bench/trials/digest.js';
import { uncloneable } from '../../strategies/worker/cloneable.js';
import { snapshot } from '../../strategies/worker/snapshot.js';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
  withSparseArray: true,
});

describe('the default digest', () => {
  it('is the same before and after structured clone and the serialisation of processes', () => {
    fc.assert(
      fc.property(anything, (value) => {
        assert.equal(stableDigest(structuredClone(value)), stableDigest(value));
        assert.equal(stableDigest(deserialize(serialize(value))), stableDigest(value));
      }),
    );
  });

  it('ends for nodes that know each other', () => {
    interface Node {
      readonly name: string;
      links: Node[];
    }
    const made = (last: string) => {
      const nodes = [...'abcdefghijklmn', last].map((name): Node => ({ name, links: [] }));
      for (const node of nodes) node.links = [...nodes];
      return nodes;
    };
    const digest = stableDigest(made('last'));
    assert.equal(stableDigest(structuredClone(made('last'))), digest);
    assert.equal(stableDigest(deserialize(serialize(made('last')))), digest);
    assert.notEqual(stableDigest(made('other')), digest);
  });

  it('does not look at the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (object) => {
        assert.equal(
          stableDigest(Object.fromEntries(Object.entries(object).reverse())),
          stableDigest(object),
        );
      }),
    );
  });

  it('tells different values apart', () => {
    class Box {
      x = 1;
    }
    // biome-ignore format: one line per kind of value
    const distinct = [
      undefined, null, 0, 1, 1n, '1', '', true, Number.NaN,
      [], [[]], {}, { x: 1 }, { x: '1' }, { x: undefined }, [1, 2], [2, 1], ['1,2'],
      new Map(), new Map([['x', 1]]), new Set(), new Set([1]),
      new Date(1), /x/, /x/g, new Error('x'), new TypeError('x'),
      new Uint8Array([1]), new Int8Array([1]), new Uint8Array([1, 0]), new Uint8Array([1]).buffer,
      new DataView(new ArrayBuffer(1)),
    ];
    assert.equal(new Set(distinct.map(stableDigest)).size, distinct.length);
    assert.equal(stableDigest(new Box()), stableDigest({ x: 1 }));
    assert.equal(stableDigest(Buffer.from('abc')), stableDigest(new Uint8Array([97, 98, 99])));
    assert.equal(
      stableDigest(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ),
      stableDigest(
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ),
    );
  });

  it('ends on cycles and tells their shapes apart', () => {
    const one: unknown[] = [];
    one.push(one);
    const two: unknown[] = [];
    two.push([two]);
    assert.notEqual(stableDigest(one), stableDigest(two));
  });
});

describe('uncloneable', () => {
  const refused = fc.constantFrom<() => unknown>(
    () => () => 1,
    () => Symbol('s'),
    () => Promise.resolve(),
    () => new WeakMap(),
    () => new WeakSet(),
    () => new WeakRef({}),
    () => new Proxy({}, {}),
    () => (function* () {})(),
  );
  const { value: nested } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      anything,
      refused.map((make) => make()),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
      fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(tie('value'), { maxLength: 3 }).map((entries) => new Set(entries)),
    ),
  }));

  it('refuses exactly what structured clone refuses', () => {
    fc.assert(
      fc.property(nested, (value) => {
        let clones = true;
        try {
          structuredClone(value);
        } catch {
          clones = false;
        }
        assert.equal(uncloneable(value) === null, clones, uncloneable(value) ?? 'said to be cloneable');
      }),
      { numRuns: 2000 },
    );
  });

  it('says where', () => {
    assert.equal(uncloneable({ items: [0, { parse() {} }] }), 'result.items[1].parse is a function');
    assert.equal(uncloneable(new Map([['a', Symbol('x')]])), 'result.get(a) is a symbol');
    const bytes = new Uint8Array(8);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    const gone = 'result.bytes has no bytes any more: its ArrayBuffer was transferred or made smaller';
    assert.equal(uncloneable({ bytes }), gone);
    for (const empty of [new Uint8Array(), new DataView(new ArrayBuffer(0)), new ArrayBuffer(0)])
      assert.equal(uncloneable(empty), null);
  });

  it('copies views of the allowed shared memory, and refuses those of any other', () => {
    const [own, other] = [new SharedArrayBuffer(8), new SharedArrayBuffer(8)];
    const value = { page: new Uint8Array(own, 2, 3), all: new Map([['view', new DataView(own)]]) };
    const copy = snapshot(value, own) as typeof value;
    new Uint8Array(own).fill(7);
    assert.deepEqual(copy.page, new Uint8Array(3));
    assert.equal(copy.all.get('view')?.getInt8(0), 0);
    for (const memory of [other, null])
      assert.throws(() => snapshot(value, memory), {
        name: 'DataCloneError',
        message: /result\.page is a view/,
      });
    assert.throws(() => snapshot({ memory: own }, own), /result\.memory is a SharedArrayBuffer/);
  });
});

describe('the digest of an outcome', () => {
  it('is that of a failure where a fallback gave the value', () => {
    const named = { index: 0, id: 'a', worker: 'w', queuedMs: 0, taskMs: 1 };
    const error = { name: 'Error', message: 'no service' };
    const value = { title: null };
    const failed = outcomeDigest({ ...named, status: 'failed', error }, {});
    const given = outcomeDigest({ ...named, status: 'ok', value, fallback: true, error }, {});
    assert.equal(given, failed);
    assert.notEqual(given, outcomeDigest({ ...named, status: 'ok', value }, {}));
  });
});
