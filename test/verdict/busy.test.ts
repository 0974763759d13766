import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import picocolors from 'picocolors';
import { consoleReport } from '../../bench/report/console.js';
import { markdownReport } from '../../bench/report/markdown.js';
import { bestTableLegend } from '../../bench/report/tables.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { busyLine } from '../../bench/words/busy.js';
import { findingsOf, type RunChoice, trialsOf } from '../runs.js';

const calm: RunChoice = { rounds: 12, claims: 'verdicts' };
const disturbed = (row: TrialRow): Partial<TrialRow> => (row.order % 10 === 0 ? { busy: true } : {});
const loaded = (): Partial<TrialRow> => ({ noise_others_percent: 8, noise_window_ms: 160 });

describe('a busy machine', () => {
  const plain = picocolors.createColors(false);
  for (const [cause, change] of Object.entries({ disturbed, loaded }))
    it(`is in the first line of every output, and only suggests (${cause})`, () => {
      const found = findingsOf(calm, trialsOf({ ...calm, change }));
      const line = busyLine(found.conclusions) ?? '';
      assert.match(line, /^The machine was busy: /);
      assert.ok(consoleReport(found, plain).startsWith(line));
      assert.match(markdownReport(found, []), new RegExp(`^# forkwise run test\n\n${line.slice(0, 30)}`));
      assert.ok(found.hints.some(({ id, level }) => id === 'busy' && level === 'warning'));
      assert.ok(found.conclusions.every(({ claims, busy }) => busy && claims === 'suggests'));
      assert.doesNotMatch(consoleReport(found, plain), /For word-frequency use/);
    });

  it('suggests nothing where the profile claims nothing', () => {
    const run: RunChoice = { rounds: 1, claims: 'nothing' };
    const { conclusions } = findingsOf(run, trialsOf({ ...run, change: loaded }));
    assert.match(busyLine(conclusions) ?? '', /^The machine was busy: [^.]*\.$/);
    assert.doesNotMatch(bestTableLegend(conclusions), /suggested/);
  });

  it('is not seen in a quiet run with one disturbed trial in a hundred', () => {
    const change = (row: TrialRow): Partial<TrialRow> =>
      row.order === 1 && row.round === 1 ? { busy: true } : { noise_others_percent: 1, noise_window_ms: 160 };
    const found = findingsOf(calm, trialsOf({ ...calm, change }));
    assert.equal(busyLine(found.conclusions), null);
    assert.ok(found.conclusions.every(({ claims }) => claims === 'verdicts'));
  });
});
