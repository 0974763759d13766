import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { allTraits } from '../../bench/cli/publish.js';
import { chartData } from '../../bench/report/chart-data.js';
import type { Figure } from '../../bench/report/figure.js';
import { pageReport } from '../../bench/report/page.js';
import { decode } from '../../bench/tables/csv.js';
import type { Environment } from '../../bench/tables/environment.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { type Findings, findings } from '../../bench/verdict/findings.js';
import { number } from '../../bench/words/units.js';
import { charts } from '../../plots/index.js';
import { findingsOf } from '../runs.js';

/**
 * Every number on the page is one of the run's: a cell of a table in a form that we print, a count of such
 * rows, or a value of environment.json. Ticks of the charts' axes are none of it, and the charts' marks are
 * tested with the charts.
 */

type Rows = readonly Readonly<Record<string, unknown>>[];

const tables = [
  'trials',
  'summaries',
  'comparisons',
  'scaling',
  'projections',
  'winners',
  'crossovers',
  'situations',
  'hints',
] as const;

/** The method names these constants: levels, percentiles, shares. */
const constants = ['95', '99', '50', '80', '0.05', '1', '256', '16'];

function pageOf(found: Findings): string {
  const data = chartData(found);
  const figures = charts.map(
    (chart): Figure => ({
      chart,
      spec: {},
      caption: chart.caption(data),
      svg: '<svg role="img"><title></title></svg>',
    }),
  );
  return pageReport(found, { figures, data, scripts: null });
}

/** The forms in which a value is printed. */
function forms(value: number): string[] {
  return [
    String(value),
    number(value),
    value.toFixed(2),
    value.toFixed(3),
    number(value / 1e3),
    number(value / 1e6),
    number(100 * value),
    number(100 * (value - 1)),
    (value / 100).toFixed(2),
    number(Math.ceil(value)),
    value.toLocaleString('en-US'),
    String(Math.round(100 * value)),
  ];
}

function allowed(found: Findings): Set<string> {
  const known = new Set(constants);
  const add = (value: number) => {
    for (const form of forms(value)) known.add(form);
  };
  for (const table of tables) {
    const rows = found[table] as Rows;
    add(rows.length);
    const counts = new Map<string, number>();
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === 'number') add(value);
        else counts.set(`${name} ${value}`, (counts.get(`${name} ${value}`) ?? 0) + 1);
      }
    }
    for (const count of counts.values()) add(count);
  }
  // Sums and counts over rows that the sentences make.
  const best = found.comparisons.filter(({ reference }) => reference === 'best');
  add(best.length);
  add(best.filter(({ verdict }) => verdict === 'inconclusive').length);
  add(best.filter(({ ratio_high, margin }) => ratio_high !== null && ratio_high < 1 / margin).length);
  add(best.filter(({ ratio_high }) => ratio_high !== null).length);
  for (const { work_efficiency, balance, availability, cpu_ms_per_document } of found.summaries) {
    if (work_efficiency !== null && balance !== null && availability !== null)
      add(Math.min(1, work_efficiency) * balance * availability);
    if (cpu_ms_per_document !== null) add(1e3 * cpu_ms_per_document); // what a broker costs is said in µs
  }
  const walk = (value: unknown): void => {
    if (typeof value === 'number') add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  walk(found.environment);
  return known;
}

/**
 * Collects text that came from a run as it is: names, versions, hashes, reasons. Long texts come first: they
 * contain others.
 */
function words(found: Findings): string[] {
  const texts = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value === 'string' && value !== '')
      for (const part of [value, value.slice(0, 16), value.slice(0, 10), value.slice(0, 7)]) texts.add(part);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  walk(found.environment);
  for (const table of tables)
    for (const row of found[table] as Rows) for (const value of Object.values(row)) walk(value);
  return [...texts].filter((text) => /\d/.test(text)).sort((a, b) => b.length - a.length);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

/** Numbers in running text, those of the data tables aside. */
function numbersIn(page: string, found: Findings): string[] {
  const prose = page
    .replaceAll(/<(style|details|svg|title|head)[\s>][\s\S]*?<\/\1>/g, ' ')
    .replaceAll(/<[^>]*>/g, ' ');
  let text = unescaped(prose).replaceAll(/\b(p50|p95|p99|SHA-256|V8)\b/g, ' ');
  for (const word of words(found))
    text = text.replaceAll(
      new RegExp(`(?<![\\d.,])${word.replaceAll(/[^\w\s]/g, '\\$&')}(?![.,]?\\d)`, 'g'),
      ' ',
    );
  return text.match(/\d+(?:,\d{3})*(?:\.\d+)?/g) ?? [];
}

/** Checks that every row of every data table is in its file, value by value. */
function checkTables(page: string, found: Findings): number {
  let checked = 0;
  for (const chart of charts) {
    const start = page.indexOf(`<figure id="${chart.name}">`);
    const figure = page.slice(start, page.indexOf('</figure>', start));
    const columns = [...figure.matchAll(/<th>([^<]*)<\/th>/g)].map(([, name]) => name as string);
    const file = new Set(
      (chartData(found)[chart.table.from] as Rows).map((row) =>
        JSON.stringify(columns.map((name) => String(row[name] ?? ''))),
      ),
    );
    for (const [, row] of figure.matchAll(/<tr>(<td[\s\S]*?)<\/tr>/g)) {
      const cells = [
        ...(row as string).matchAll(/<td[^>]*>(?:<data value="([^"]*)">[^<]*<\/data>|([^<]*))<\/td>/g),
      ];
      const values = cells.map(([, raw, text]) => raw ?? unescaped(text as string));
      assert.ok(file.has(JSON.stringify(values)), `${chart.name}: ${values.join(' | ')}`);
      for (const [cell, raw] of cells)
        if (raw !== undefined) assert.ok(cell.includes(`>${number(Number(raw))}<`), cell);
      checked++;
    }
  }
  return checked;
}

async function reference(): Promise<Findings> {
  const folder = new URL('../../../results/reference/', import.meta.url);
  const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
  const environment = JSON.parse(read('environment.json')) as Environment;
  return findings(decode(trialTable, read('trials.csv')), { environment, strategies: await allTraits() });
}

const runs: Record<string, () => Findings | Promise<Findings>> = {
  'the published run': reference,
  'a run with verdicts': () =>
    findingsOf({
      rounds: 12,
      claims: 'verdicts',
      workloads: { 'word-frequency': 'cpu', 'llm-extract': 'io' },
    }),
  'a run with faults': () =>
    findingsOf({
      change: ({ order, round }) =>
        order % 7 === round ? { status: order % 2 ? 'void' : 'failed', reason: `code ${order}` } : {},
    }),
};

describe('numbers on the page', () => {
  for (const [name, run] of Object.entries(runs)) {
    it(`of ${name} come from its files`, async () => {
      const found = await run();
      const page = pageOf(found);
      const known = allowed(found);
      const numbers = numbersIn(page, found);
      assert.ok(numbers.length > 100);
      assert.deepEqual([...new Set(numbers.filter((one) => !known.has(one)))], []);
      assert.ok(checkTables(page, found) > 50);
    });
  }

  it('would be missed if they came from elsewhere', async () => {
    const found = findingsOf({ rounds: 12, claims: 'verdicts' });
    const page = pageOf(found).replace('</main>', '<p>1.2345× and 98,765 documents</p></main>');
    const known = allowed(found);
    assert.deepEqual(
      numbersIn(page, found).filter((one) => !known.has(one)),
      ['1.2345', '98,765'],
    );
  });
});
