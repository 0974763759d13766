import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseDuration, parseList, parseSize } from '../../bench/words/parse.js';
import { duration, inTurn, number, ratio, whole } from '../../bench/words/units.js';

describe('units', () => {
  it('read sizes', () => {
    assert.deepEqual(
      ['10KB', '64KiB', '1.5MB', '100b'].map((text) => parseSize(text, 'it')),
      [10_000, 65_536, 1_500_000, 100],
    );
    for (const bad of ['10', 'KB', '-1KB', '1.5B', '10XB', ''])
      assert.throws(() => parseSize(bad, '--sizes'), /expected --sizes to be a size like/);
  });

  it('name the option of a duration that is none', () => {
    assert.throws(
      () => parseDuration('abc', '--time-budget'),
      /^UsageError: expected --time-budget to be a duration like 30s, 10m or 1\.5h, got "abc"$/,
    );
  });

  it('count one document as one', () => {
    assert.deepEqual([1, 2].map(inTurn), ['1 document', '2 documents one after the other']);
  });

  it('print three digits', () => {
    assert.deepEqual([0, 0.012345, 1.2345, 12.345, 123.45, 1234.5, 123456].map(number), [
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1,230',
      '123,000',
    ]);
  });

  it('print ratios with two decimals, and small ones with the digits of their interval', () => {
    assert.deepEqual([0, 0.00505, 0.14, 1, 1.846, 198].map(ratio), [
      '0.00×',
      '0.00505×',
      '0.14×',
      '1.00×',
      '1.85×',
      '198.00×',
    ]);
  });

  it('print the digits that Intl prints', () => {
    const intl = (value: number, maximumFractionDigits: number) =>
      new Intl.NumberFormat('en-US', { maximumFractionDigits }).format(value);
    const exponent = fc.integer({ min: -9, max: 15 });
    fc.assert(
      fc.property(fc.integer({ min: -9999, max: 9999 }), exponent, (digits, power) => {
        const value = digits * 10 ** power;
        const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
        const rounded = Number(value.toPrecision(3));
        assert.equal(number(value), intl(rounded, Math.min(20, Math.max(0, 2 - magnitude))));
      }),
    );
    fc.assert(fc.property(fc.maxSafeNat(), (value) => assert.equal(whole(value), intl(value, 0))));
    assert.deepEqual([Infinity, -Infinity, NaN].map(number), ['∞', '-∞', 'NaN']);
  });

  it('print durations', () => {
    assert.deepEqual([400, 59_400, 60_000, 245_000, 4_200_000].map(duration), [
      '0 s',
      '59 s',
      '1 min 00 s',
      '4 min 05 s',
      '1 h 10 min',
    ]);
  });

  it('read lists', () =>
    assert.deepEqual(
      parseList('a, b', '--x', (item) => item),
      ['a', 'b'],
    ));
});
