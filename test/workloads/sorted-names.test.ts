import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SortedNames } from '../../workloads/sorted-names.js';

it('names are taken in ascending order, however many there are', () => {
  for (const count of [0, 1, 10, 32_767, 32_768, 32_769, 100_000]) {
    const sorted = new SortedNames();
    const names = Array.from({ length: count }, (_, i) => `${(i * 7919) % count}é${i % 3 === 0 ? '/' : ''}`);
    for (const name of names) sorted.add(name);
    names.sort();
    for (const name of names) assert.equal(sorted.next(), name);
    assert.equal(sorted.next(), null);
  }
});
