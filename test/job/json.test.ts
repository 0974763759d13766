import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonOf } from '../../bench/job/json.js';

describe('results as JSON', () => {
  class Point {
    x = 1;
    toJSON() {
      return 'never asked';
    }
  }
  const cases: [value: unknown, json: string][] = [
    [{ a: 1, b: 'two\n', c: [true, null] }, '{"a":1,"b":"two\\n","c":[true,null]}'],
    [undefined, 'null'],
    [{ a: undefined, b: [Number.NaN, Infinity, -0] }, '{"a":null,"b":[null,null,0]}'],
    [new Uint8Array([1, 2, 255]), '"AQL/"'],
    [Buffer.from('text').subarray(1, 3), '"ZXg="'],
    [new Uint8Array([9]).buffer, '"CQ=="'],
    [new Float64Array([0.5, Number.NaN]), '[0.5,null]'],
    [new BigInt64Array([5n]), '["5"]'],
    [new Map([['a', new Set([1, [2]])]]), '{"a":[1,[2]]}'],
    [
      new Map<unknown, unknown>([
        [1, 'one'],
        ['a', 2n],
      ]),
      '[[1,"one"],["a","2"]]',
    ],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Date(Number.NaN), 'null'],
    [/a+/gu, '"/a+/gu"'],
    [Object.assign(new RangeError('far'), { code: 7 }), '{"name":"RangeError","message":"far"}'],
    [Object.assign(new Error('no'), { name: 'NotFound' }), '{"name":"Error","message":"no"}'],
    [new Point(), '{"x":1}'],
    [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    [Object('boxed'), '"boxed"'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is looked at
    [[1, , 3], '[1,null,3]'],
    ['\ud800', '"\\ud800"'],
  ];
  for (const [value, json] of cases) it(json, () => assert.equal(jsonOf(value), json));

  it('a part may be there twice, and may not contain itself', () => {
    const part = { a: 1 };
    assert.equal(jsonOf([part, part]), '[{"a":1},{"a":1}]');
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    assert.throws(() => jsonOf(cycle), /contains itself/);
  });
});
