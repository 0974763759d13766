import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { renderTable } from '../../bench/report/console.js';
import type { TextTable } from '../../bench/words/text-table.js';

const table: TextTable = {
  header: ['', 'document', 'use', 'rate', 'interval', 'names'],
  numbersFrom: 3,
  groups: [
    [['→', 'small', 'queue × 2', '1,200', '1.1–1.3', 'a rather long list of names']],
    [['', 'large', 'async', '3', '', 'b']],
  ],
  spare: ['names', 'interval'],
};
const colors = pc.createColors(true);
const linesIn = (columns?: number, of = table) =>
  stripVTControlCharacters(renderTable(of, colors, columns)).split('\n');
const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));

describe('a table in a terminal', () => {
  const whole = linesIn();
  const width = widest(whole);

  it('has all its columns where they fit, or where nothing has a width', () => {
    assert.deepEqual(linesIn(width), whole);
    assert.match(whole[0] ?? '', /interval +names/);
  });

  it('goes without the least important columns, and names them', () => {
    const lines = linesIn(width - 1);
    assert.match(lines[0] ?? '', /document +use +rate +interval/);
    assert.equal(lines.pop(), 'not shown, because the terminal is too narrow: names');
    assert.ok(widest(lines) < width);
    const narrower = linesIn(widest(lines) - 1);
    assert.equal(narrower.pop(), 'not shown, because the terminal is too narrow: interval and names');
    assert.ok(widest(narrower) < widest(lines));
  });

  it('has a line per value where no table fits, and for a single row', () => {
    assert.deepEqual(linesIn(20).slice(0, 4), [
      '→',
      'document  small',
      'use       queue × 2',
      'rate      1,200',
    ]);
    const [first = []] = table.groups;
    const single = linesIn(width - 1, { ...table, groups: [first] });
    assert.deepEqual(single.slice(-2), ['interval  1.1–1.3', 'names     a rather long list of names']);
  });
});
