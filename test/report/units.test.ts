import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sizesOf } from '../../bench/words/units.js';

it('a range of sizes with equal ends is one size', () => {
  assert.equal(sizesOf({ p5: 1000, p95: 1000 }), '1 KB');
  assert.equal(sizesOf({ p5: 1000, p95: 1001 }), '1 KB');
  assert.equal(sizesOf({ p5: 2000, p95: 30_000 }), '2 KB to 30 KB');
});
