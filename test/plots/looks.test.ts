import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Spec } from '../../plots/chart.js';
import { looksOf } from '../../plots/looks.js';
import { peers } from '../../strategies/peers/index.js';
import { chartNamed, data, found, strategies } from './data.js';

describe('looks', () => {
  it('every strategy has a colour and a shape of its own, known or not', () => {
    const names = [...strategies, 'self-scheduling', ...Array.from({ length: 16 }, (_, i) => `own-${i}`)];
    const looks = [...looksOf(names).values()];
    assert.equal(new Set(looks.map(({ colour, shape }) => `${colour} ${shape}`)).size, names.length);
    assert.equal(new Set(looks.slice(0, 7).map((look) => look.colour)).size, 7);
    assert.equal(new Set(looks.slice(0, 7).map((look) => look.shape)).size, 7);
  });

  it('a strategy that is not in the table gets a look that no other has, however many there are', () => {
    const names = [...strategies, ...Array.from({ length: 60 }, (_, i) => `own-${i}`)];
    const pairs = [...looksOf(names).values()].map(({ colour, shape }) => `${colour} ${shape}`);
    assert.equal(new Set(pairs).size, names.length);
  });

  it('a strategy has one look in all charts of a run, also where another one is left out', () => {
    const set = data({
      strategies: ['sequential', 'one', 'two'],
      change: (row) => (row.strategy === 'one' ? { latency_p50_ms: null, latency_p99_ms: null } : {}),
    });
    const expected = looksOf(['sequential', 'one', 'two']).get('two');
    for (const name of ['throughput', 'latency', 'run-order']) {
      const scales = found(chartNamed(name).spec(set), 'scale').filter((each) => 'range' in (each as Spec));
      assert.ok(scales.length > 0);
      for (const { domain, range } of scales as { domain: string[]; range: string[] }[])
        assert.ok(Object.values(expected ?? {}).includes(range[domain.indexOf('two')] ?? ''), name);
    }
  });

  it('every peer has a look of its own, and no other strategy has its shape', () => {
    const names = peers.map(({ name }) => name);
    const looks = looksOf([
      ...strategies,
      'self-scheduling',
      ...names,
      ...Array.from({ length: 16 }, (_, i) => `own-${i}`),
    ]);
    for (const name of names) {
      const own = looks.get(name);
      assert.equal([...looks.values()].filter(({ shape }) => shape === own?.shape).length, 1, name);
      assert.equal([...looks.values()].filter(({ colour }) => colour === own?.colour).length, 1, name);
      assert.deepEqual(looksOf([name]).get(name), own, 'whatever is beside it');
    }
  });

  it('a variant has the colour of its strategy and a shape of its own', () => {
    const names = ['', ' (shared view)', ' (by path)', ' (by resolve)'].map((variant) => `queue${variant}`);
    const looks = [...looksOf(names).values()];
    assert.equal(new Set(looks.map(({ colour }) => colour)).size, 1);
    assert.equal(new Set(looks.map(({ shape }) => shape)).size, names.length);
    const more = ['queue', ...[2, 4, 8, 16, 32, 64, 128].map((n) => `queue (${n} per worker)`)];
    const other = [...looksOf(['queue (path)', 'async', ...more]).values()];
    assert.deepEqual(new Set(other.map(({ colour }) => colour)).size, 2);
    assert.equal(new Set(other.map(({ colour, shape }) => `${colour} ${shape}`)).size, other.length);
    assert.deepEqual(looksOf(['queue (path)']).get('queue (path)'), looksOf(['queue']).get('queue'));
    for (const name of ['x (by path)', 'queue (by path) (by path)', 'constructor (by path)'])
      assert.notEqual(looksOf([name]).get(name)?.colour, looks[0]?.colour, name);
  });

  it('a strategy looks the same whatever is beside it', () => {
    assert.deepEqual(looksOf(['queue', 'x']).get('queue'), looksOf(['y', 'async', 'queue']).get('queue'));
  });

  it('every colour has a contrast of 3:1 with white', () => {
    for (const { colour } of looksOf([
      ...strategies,
      'self-scheduling',
      ...peers.map(({ name }) => name),
      'a',
      'b',
      'c',
      'd',
    ]).values()) {
      const contrast = 1.05 / (luminance(colour) + 0.05);
      assert.ok(contrast >= 3, `${colour} has ${contrast.toFixed(2)}`);
    }
  });
});

/** Computes WCAG 2's relative luminance of `#rrggbb`. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
