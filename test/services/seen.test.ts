import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { exactJson } from '../../services/cache/exact-json.js';
import { Seen } from '../../services/cache/seen.js';
import { timeSize } from '../../services/cache/store.js';
import { valueIn } from '../../strategies/worker/kept-value.js';
import { snapshot } from '../../strategies/worker/snapshot.js';
import { unwatched } from '../../workloads/workload.js';

describe('a result that is kept', () => {
  it('is read as it was', () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        const seen = new Seen();
        const copy = snapshot(result);
        seen.copy(copy);
        assert.deepEqual(valueIn((seen.bytes as Buffer).subarray(timeSize)), copy);
      }),
      { numRuns: 500, examples: [[{ half: '\ud800', name: 'ä', ['__proto__']: 1, 2: 'b', 1: 'a' }]] },
    );
  });

  it('is JSON when it is made of texts, numbers, lists and plain objects', () => {
    for (const value of [{ a: [1, 'ä', null, true], b: { c: 0.1 } }, 'text', 5, null, [], {}])
      assert.equal(exactJson(value), JSON.stringify(value));
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), agrees));
  });

  it('is no JSON when JSON cannot hold it', () => {
    const twice = { a: 1 };
    const list = Object.assign([1, 2], { index: 0 });
    const around: Record<string, unknown> = {};
    around.self = around;
    const others = [
      undefined,
      -0,
      Number.NaN,
      -Infinity,
      10n,
      new Date(0),
      new Map(),
      new Uint8Array(2),
      [undefined],
      new Array(2),
      { a: undefined },
      { a: [-0] },
      [twice, twice],
      list,
      around,
    ];
    for (const value of others) assert.equal(exactJson(value), null);
  });
});

describe('a document that notes what is read of it', () => {
  const document = { index: 3, id: 'name', size: 1, bytes: new Uint8Array(1) };

  it('notes `id` and `index`, and nothing else', () => {
    const seen = new Seen();
    const watched = seen.watched(document);
    assert.deepEqual([watched.size, watched.bytes], [1, document.bytes]);
    assert.deepEqual([seen.id, seen.isUnique], [false, false]);
    assert.equal(watched.id, 'name');
    assert.deepEqual([seen.id, seen.isUnique], [true, false]);
    assert.equal(watched.index, 3);
    assert.deepEqual([seen.id, seen.isUnique], [true, true]);
  });

  it('is listed, copied and changed as any other, and leaves the one of the caller as it is', () => {
    const seen = new Seen();
    const watched = seen.watched(document) as { index: number; id: string };
    assert.deepEqual(Object.keys(watched), ['index', 'id', 'size', 'bytes']);
    assert.deepEqual(JSON.parse(JSON.stringify(watched)), JSON.parse(JSON.stringify(document)));
    assert.deepEqual(structuredClone(watched), document);
    Object.assign(watched, { index: 4, id: 'other' });
    assert.deepEqual([watched.index, watched.id], [4, 'other']);
    assert.deepEqual([document.index, document.id], [3, 'name']);
  });

  it('has its id for code that is not of the task', () => {
    const seen = new Seen();
    const watched = seen.watched(document) as { readonly [unwatched]?: { readonly id: string } };
    assert.equal(watched[unwatched]?.id, 'name');
    assert.equal(seen.id, false);
  });
});

/** Whatever `JSON.parse` makes of the JSON is the value; there may be none. */
function agrees(value: unknown): void {
  const json = exactJson(value);
  if (json !== null) assert.deepEqual(JSON.parse(json), value);
}

const anyResult = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
});
