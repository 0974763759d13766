import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  copyTable,
  granularityTable,
  metgTable,
  type OverheadTrial,
  overheadSummaryTable,
  overheadTable,
  ratioTable,
} from '../../bench/overhead/columns.js';
import { seriesOf } from '../../bench/overhead/series.js';
import { decode } from '../../bench/tables/csv.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { cli, onlyLong } from '../support.js';

const loaded = await loadStrategies([...strategies, ...peers].map(({ url }) => url));

describe('forkwise overhead', () => {
  it('measures, and leaves tables, charts and a report that can be read again', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
    const folder = join(parent, 'run');
    const names = 'sequential,thread-pool,self-scheduling';
    const args =
      'overhead --lines sessions --sizes 1KB --workers 2 --rounds 1 --warmup 5ms --time 2ms --out run';
    const { code, stdout, stderr } = await cli([...args.split(' '), '--strategies', names], parent);
    assert.equal(code, 0, stderr);
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    const trials = decode(overheadTable, read('overhead.csv'));
    assert.deepEqual(
      trials.filter(({ status }) => status !== 'ok'),
      [],
    );
    const summaries = decode(overheadSummaryTable, read('overhead-summary.csv'));
    assert.deepEqual(
      summaries.map(({ strategy }) => strategy),
      [
        'sequential',
        'thread-pool',
        'thread-pool (transferred)',
        'self-scheduling',
        'self-scheduling (shared view)',
      ],
    );
    assert.deepEqual(
      new Set(decode(ratioTable, read('overhead-ratios.csv')).map(({ rival }) => rival)),
      new Set(['thread-pool', 'thread-pool (transferred)']),
    );
    assert.equal(decode(granularityTable, read('granularity.csv')).length, 5 * 8);
    assert.equal(decode(metgTable, read('metg.csv')).length, 2 * 5);
    for (const chart of ['overhead', 'granularity']) assert.match(read(`plots/${chart}.svg`), /^<svg/);
    assert.match(stdout, /^\| `self-scheduling` \| [\d.,]+ thread-pool \|/m, 'its ratio to the rival');
    assert.equal(read('report.md').includes(stdout.trim()), true);

    // A kill leaves the rows so far, the last of them torn.
    const tables = ['overhead.csv', 'granularity.csv', 'copies.csv', 'word-frequency.csv'];
    const whole = new Map(tables.map((name) => [name, read(name)]));
    const kept = { 'overhead.csv': -4, 'granularity.csv': -10, 'copies.csv': -2, 'word-frequency.csv': 2 };
    for (const [name, lines] of Object.entries(kept)) {
      const rows = (whole.get(name) as string).split('\r\n');
      writeFileSync(join(folder, name), `${rows.slice(0, lines).join('\r\n')}\r\nself-sch`);
    }
    const refused = await cli('overhead --resume run --sizes 2KB'.split(' '), parent);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /planned with --sizes 1KB, not --sizes 2KB/);
    const resumed = await cli('overhead --resume run'.split(' '), parent);
    assert.equal(resumed.code, 0, resumed.stderr);
    for (const [name, lines] of Object.entries(kept)) {
      const rows = (whole.get(name) as string).split('\r\n');
      const now = read(name).split('\r\n');
      assert.equal(now.length, rows.length, name);
      assert.deepEqual(now.slice(0, rows.slice(0, lines).length), rows.slice(0, lines), name);
    }
    const cellOf = ({ phase, strategy, delivery, in_flight, document_bytes }: OverheadTrial) =>
      [phase, strategy, delivery, in_flight, document_bytes].join();
    const again = decode(overheadTable, read('overhead.csv'));
    assert.deepEqual(new Set(again.map(cellOf)), new Set(trials.map(cellOf)), 'no cell twice, none left out');
    rmSync(parent, { recursive: true });
  });

  it('measures references and the runner beside rivals that read files themselves', onlyLong, async () => {
    const parent = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
    const args =
      'overhead --lines references,runner --strategies sequential,self-scheduling,post-message ' +
      '--sizes 1KB --workers 2 --rounds 1 --warmup 5ms --time 2ms --out run';
    const { code, stdout, stderr } = await cli(args.split(' '), parent);
    assert.equal(code, 0, stderr);
    const read = (name: string) => readFileSync(join(parent, 'run', name), 'utf8');
    const trials = decode(overheadTable, read('overhead.csv'));
    assert.deepEqual(
      trials.filter(({ status }) => status !== 'ok'),
      [],
    );
    const expected = seriesOf(
      loaded.filter(({ strategy }) =>
        ['sequential', 'self-scheduling', 'post-message'].includes(strategy.name),
      ),
    ).filter(({ line }) => line !== 'sessions');
    const summaries = decode(overheadSummaryTable, read('overhead-summary.csv'));
    assert.deepEqual(
      new Set(summaries.map(({ strategy }) => strategy)),
      new Set(expected.map(({ name }) => name)),
    );
    const copies = decode(copyTable, read('copies.csv'));
    assert.deepEqual(
      copies.map(({ document_bytes }) => document_bytes),
      [1_000],
    );
    for (const { strategy, copies: count, document_bytes, limit_us, of_limit, overhead_us } of summaries) {
      const copy = copies.find((row) => row.document_bytes === document_bytes)?.copy_us ?? Number.NaN;
      if (strategy.startsWith('sequential'))
        assert.deepEqual([count, limit_us, of_limit], [null, null, null]);
      else {
        assert.ok(Math.abs((limit_us ?? 0) - ((count ?? Number.NaN) * copy + 1)) < 1e-9, strategy);
        assert.ok(Math.abs((of_limit ?? 0) - overhead_us / (limit_us ?? 0)) < 1e-9);
      }
    }
    for (const chart of ['overhead-references', 'overhead-runner'])
      assert.match(read(`plots/${chart}.svg`), /limit, 1 copy/);
    assert.ok(!existsSync(join(parent, 'run', 'plots', 'overhead.svg')), 'no session was measured');
    assert.match(stdout, /× the limit with 2 workers/);
    rmSync(parent, { recursive: true });
  });

  it('refuses what it cannot measure, before anything is written', async () => {
    for (const [args, said] of [
      ['--sizes 5B', /8 bytes or more/],
      ['--strategies no-such', /unknown strategy/i],
      ['--workers 0', /whole number/],
      ['--lines rivals', /unknown kind of lines "rivals"/],
      ['--strategies independent-processes', /expected strategies that have/],
      ['--strategies piscina --lines runner', /or other --lines/],
      ['--resume no-such-run', /expected the folder of a run/],
      [
        `--resume ${fileURLToPath(new URL('../../../results/faults', import.meta.url))}`,
        /expected a run of forkwise overhead/,
      ],
    ] as const) {
      const { code, stderr } = await cli(['overhead', ...args.split(' '), '--out', 'never'], tmpdir());
      assert.equal(code, 2);
      assert.match(stderr, said);
    }
  });
});
