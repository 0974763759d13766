import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, encodeHeader, encodeRows } from '../../bench/tables/csv.js';
import { Store } from '../../bench/tables/store.js';
import { pairedLogRatios, summarise } from '../../bench/tables/summarise.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import { type Column, type Table, table } from '../../bench/tables/table.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { failedTrial, trial } from '../rows.js';
import { traitsOf } from '../runs.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function rowOf({ columns }: Table) {
  const cells: Record<Column['type'], fc.Arbitrary<unknown>> = {
    text: fc.string({ unit: 'grapheme', minLength: 1 }),
    number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0), // -0 becomes 0
    boolean: fc.boolean(),
  };
  return fc.record(
    Object.fromEntries(
      columns.map(({ name, type, empty }) => [name, empty ? fc.option(cells[type]) : cells[type]]),
    ),
    {
      noNullPrototype: true,
    },
  );
}

describe('CSV', () => {
  for (const [name, { columns }] of Object.entries({ trialTable, summaryTable })) {
    it(`${name}: what is written reads back the same`, () => {
      const free = table(columns); // without its rules, so that any combination of values is allowed
      fc.assert(
        fc.property(fc.array(rowOf(free), { maxLength: 5 }), (rows) => {
          assert.deepEqual(decode(free, encodeHeader(free) + encodeRows(free, rows as never[])), rows);
        }),
      );
    });
  }

  it('names the line of what is damaged', () => {
    const header = encodeHeader(trialTable);
    const row = encodeRows(trialTable, [trial({})]);
    assert.throws(
      () => decode(trialTable, 'a,b\r\n'),
      /line 1: expected a column "schema", got 2 columns without it/,
    );
    assert.throws(() => decode(trialTable, `${header}${row}1,2,3\r\n`), /line 3: expected \d+ cells, got 3/);
    assert.throws(
      () => decode(trialTable, header + row.replace(/^1,/, 'one,')),
      /line 2: expected a number in column "schema", got "one"/,
    );
  });

  it('takes a file without a column of sources for documents in memory', () => {
    const before = trialTable.columns.map(({ name }) => name).filter((name) => name !== 'source');
    const header = `${before.join(',')}\r\n`;
    const row = trial({ strategy: 'async' });
    assert.deepEqual(decode(trialTable, header + encodeRows(trialTable, [row], before)), [row]);
    assert.equal(row.source, null);
  });

  it('has the columns that were agreed on, with these names', () => {
    const agreed =
      `schema run_id round order workload kind corpus document_bytes documents strategy workers delivery
      status passes wall_ms documents_per_second megabytes_per_second startup_ms cpu_user_ms cpu_system_ms
      cpu_percent rss_peak_bytes memory_peak_bytes threads_peak context_switches_voluntary
      context_switches_involuntary event_loop_utilization latency_p50_ms latency_p95_ms latency_p99_ms
      task_p50_ms outcomes_ok outcomes_failed digest`.split(/\s+/);
    const names: string[] = trialTable.columns.map(({ name }) => name);
    assert.deepEqual(
      agreed.filter((name) => !names.includes(name)),
      [],
    );
  });
});

describe('store', () => {
  const rows = [
    trial({ round: 1 }),
    trial({ round: 2, reason: 'a "quoted", word', status: 'failed' }),
    trial({ round: 3 }),
  ];

  it('keeps every trial that was appended, and refuses a folder that has something in it', () => {
    const path = join(folder, 'run');
    const store = Store.create(path);
    store.write('environment.json', '{}');
    store.beginAppending();
    for (const row of rows) store.append(row);
    assert.deepEqual(store.trials(), rows);
    store.close();
    assert.throws(() => Store.create(path), /there is something already/);
    writeFileSync(join(folder, 'file'), '');
    assert.throws(() => Store.refuseExisting(join(folder, 'file')), /there is something already/);
    assert.throws(() => Store.open(join(folder, 'nowhere')), /expected the folder of a run/);
  });

  it('takes a folder in which a run was killed before it had begun', () => {
    const path = join(folder, 'killed');
    mkdirSync(path);
    writeFileSync(join(path, 'environment.json.new'), '{"sch');
    Store.create(path).write('environment.json', '{}');
    assert.equal(Store.open(path).read('environment.json'), '{}');
    assert.deepEqual(readdirSync(path), ['environment.json']);
    assert.throws(() => Store.create(path), /there is something already/);
  });

  it('goes on after a kill at any byte, forgiving a torn last line and nothing else', () => {
    const whole = encodeHeader(trialTable) + encodeRows(trialTable, rows);
    const bytes = Buffer.from(whole);
    const path = join(folder, 'torn');
    Store.create(path).write('environment.json', '{}');
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(join(path, 'trials.csv'), bytes.subarray(0, length));
      const store = Store.open(path);
      const before = store.trials();
      assert.deepEqual(before, rows.slice(0, before.length));
      store.beginAppending();
      for (const row of rows.slice(before.length)) store.append(row);
      store.close();
      assert.equal(readFileSync(join(path, 'trials.csv'), 'utf8'), whole);
    }
    writeFileSync(join(path, 'trials.csv'), whole.replace(',failed,', ',fai\r\nled,'));
    assert.throws(() => Store.open(path).trials(), /line 3: expected \d+ cells/);
  });
});

describe('summary', () => {
  const options = {
    effectiveCores: 2,
    corpora: [{ workload: 'word-frequency', corpus: '10KB' }],
    strategies: traitsOf(['sequential', 'thread-pool']),
  };
  const rates = (strategy: string, workers: number, values: readonly number[]) =>
    values.map((documents_per_second, i) => trial({ strategy, workers, round: i + 1, documents_per_second }));

  it('pairs speed-up by round', () => {
    // Rounds differ tenfold, ratios not at all.
    const trials = [...rates('thread-pool', 2, [180, 1800, 18]), ...rates('sequential', 1, [100, 1000, 10])];
    const [sequential, pool] = summarise(trials, options);
    assert.equal(sequential?.strategy, 'sequential');
    assert.equal(sequential?.speedup, 1);
    for (const value of [pool?.speedup, pool?.speedup_low, pool?.speedup_high])
      assert.ok(Math.abs((value ?? 0) - 1.8) < 1e-9);
    assert.ok(Math.abs((pool?.efficiency_workers ?? 0) - 0.9) < 1e-9);
    assert.ok(Math.abs((pool?.documents_per_second ?? 0) - 180) < 1e-9, 'geometric mean');
  });

  it('says after how many documents a start has paid off that takes longer than that of sequential', () => {
    const started = (startup_ms: number, cold_code_ms: number | null) => ({ startup_ms, cold_code_ms });
    const breakEven = (one: ReturnType<typeof started>, two: ReturnType<typeof started>) => {
      const trials = [
        ...rates('sequential', 1, [100, 100, 100]).map((row) => ({ ...row, ...one })),
        ...rates('thread-pool', 2, [200, 200, 200]).map((row) => ({ ...row, ...two })),
      ];
      return summarise(trials, options)[1]?.break_even_documents ?? Number.NaN;
    };
    const close = (found: number, expected: number) =>
      assert.ok(Math.abs(found - expected) < 1e-9, `${found}`);
    // A document takes 10 ms, and 5 ms with two workers.
    close(breakEven(started(50, null), started(250, null)), 200 / 5);
    close(breakEven(started(50, 300), started(250, 1300)), 1200 / 5);
    close(breakEven(started(50, 300), started(250, -20)), 0);
  });

  it('keeps families apart whose documents are in memory and in files', () => {
    const trials = [null, 'files'].flatMap((source) => [
      trial({ source, documents_per_second: source === null ? 100 : 50 }),
      trial({ source, strategy: 'thread-pool', workers: 2, documents_per_second: 150 }),
    ]);
    const found = summarise(trials, { effectiveCores: 2, corpora: [], strategies: traitsOf(['sequential']) });
    assert.deepEqual(
      found.map(({ source, strategy, speedup }) => `${source} ${strategy} ${speedup?.toFixed(1)}`).sort(),
      ['files sequential 1.0', 'files thread-pool 3.0', 'null sequential 1.0', 'null thread-pool 1.5'],
    );
  });

  it('judges oversubscribed levels by the cores, and waiting work by its workers', () => {
    const [, cpu] = summarise([...rates('sequential', 1, [100]), ...rates('thread-pool', 8, [180])], options);
    assert.equal(cpu?.oversubscribed, true);
    assert.equal(cpu?.efficiency_cores, 0.9);
    const io = [...rates('sequential', 1, [100]), ...rates('thread-pool', 8, [720])].map((row) => ({
      ...row,
      kind: 'io',
    }));
    const [, waiting] = summarise(io, options);
    assert.deepEqual(
      [waiting?.oversubscribed, waiting?.efficiency_cores, waiting?.efficiency_workers],
      [null, null, 0.9],
    );
  });

  it('leaves failed and void trials out, and says nothing where nothing is left', () => {
    const trials = [...rates('sequential', 1, [100, 100]), ...rates('thread-pool', 2, [190, 10])].map(
      (row) => (row.documents_per_second === 10 ? trial({ ...row, status: 'void', reason: 'steal' }) : row),
    );
    assert.equal(summarise(trials, options)[1]?.rounds, 1);
    assert.equal(summarise(trials, options)[1]?.speedup, 1.9);
    assert.equal(summarise(trials, options)[1]?.speedup_low, null);
    const [row] = summarise([failedTrial({})], options);
    assert.deepEqual(
      [row?.rounds, row?.documents_per_second, row?.cpu_percent, row?.digest_matches],
      [0, null, null, null],
    );
  });

  it('pairs only rounds in which both are there', () => {
    assert.deepEqual(pairedLogRatios(rates('a', 1, [2, 2]), rates('b', 1, [1])), [Math.log(2)]);
  });
});
