import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderSvg } from '../../plots/render.js';
import { textWidth } from '../../plots/text-width.js';
import { chartNamed, data } from './data.js';

describe('rendering', () => {
  const dot = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { values: [{}] },
    mark: 'point',
  };

  it('the title is escaped', async () => {
    assert.match(
      await renderSvg({ ...dot, description: 'a < b & "c" > $& d' }),
      /<title>a &lt; b &amp; "c" &gt; \$&amp; d<\/title>/,
    );
  });

  it('a warning reaches the caller', async () => {
    const warnings: string[] = [];
    await renderSvg({ ...dot, encoding: { size: { field: 'a' }, nonsense: { field: 'a' } } }, (message) =>
      warnings.push(message),
    );
    assert.equal(warnings.length > 0, true);
  });

  it('a long legend wraps instead of widening the chart', async () => {
    const width = async (names: string[]) => {
      const svg = await renderSvg(chartNamed('throughput').spec(data({ strategies: names })));
      return Number(/width="(\d+)"/.exec(svg)?.[1]);
    };
    assert.equal(
      await width(Array.from({ length: 14 }, (_, i) => `a-long-strategy-name-${i}`)),
      await width(['async']),
    );
  });

  it('text is measured, not guessed at 0.8 em', async () => {
    // fontTools: advances of "word-frequency" in DejaVu Sans are 16,126 of 2,048 an em.
    assert.ok(
      Math.abs(textWidth('word-frequency', { fontSize: 11, bold: false }) - (16126 / 2048) * 11) < 0.1,
    );
    const svg = await renderSvg({
      ...dot,
      title: { text: 'i'.repeat(100), fontSize: 10, fontWeight: 'normal' },
    });
    assert.ok(Number(/width="(\d+)"/.exec(svg)?.[1]) < 320, 'a hundred narrow letters are 278 pixels wide');
  });
});
