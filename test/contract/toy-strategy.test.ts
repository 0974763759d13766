import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { faults } from '../../bench/faults/faults.js';
import { measureFault } from '../../bench/faults/measure.js';
import { seriesOf } from '../../bench/overhead/series.js';
import { matrixTable } from '../../bench/report/faults.js';
import { decode } from '../../bench/tables/csv.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { HelperProcesses } from '../../bench/trials/helper-processes.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { charts } from '../../plots/index.js';
import { type WorkloadEntry, workloads } from '../../workloads/index.js';
import { cli, documentsOf, fixture, onlyLong, openable, outcomesOf, withSession } from '../support.js';
import { describeResults } from './promises/results.js';
import { sameOutcomes } from './promises/same-outcomes.js';

/**
 * A strategy is its own file: this one is in no list of ours, and everything that works for the listed
 * strategies works for it. Commands get it from `with-toy-strategy.ts`, which adds its line to the list of
 * their process. `npm run test:toy` has the rest of the contract.
 */
const url = new URL('../fixtures/strategies/toy-strategy.js', import.meta.url).href;
const [toy] = await openable([{ url }]);
if (toy === undefined) throw new Error('the fixture has no strategy');
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const withToy = (...args: string[]) =>
  cli(args, folder, {
    NODE_OPTIONS: `--import=${new URL('../fixtures/preloads/with-toy-strategy.js', import.meta.url).href}`,
  });
const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');

describeResults(toy);

describe('a strategy that is added at run time', () => {
  it('has the outcomes of the baseline', async () => {
    const { name, url } = workloads.find(({ name }) => name === 'word-frequency') as WorkloadEntry;
    await sameOutcomes({ name, url, options: {} }, [toy]);
  });

  it('takes numbers for its axes', async () => {
    await withSession(toy, fixture('odd-task'), { configuration: { window: 3 } }, async (session) => {
      const outcomes = await outcomesOf(session, documentsOf(['size', 'nan', 'later', 'size']), 4);
      assert.ok(outcomes.every(({ status }) => status === 'ok'));
    });
  });

  it('is listed', async () => {
    const { stdout } = await withToy('list');
    assert.match(stdout, /^\s*toy\s+documents go to the worker threads in turn/m);
  });

  it('is measured, and is in the tables and the charts', async () => {
    const plan = '--profile smoke --workloads spin --documents 8 --workers 1,2 --rounds 2';
    const { code, stdout, stderr } = await withToy(
      'bench',
      ...plan.split(' '),
      '--strategies',
      'sequential,toy',
      '--out',
      'run',
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /10KB\s+toy\s/);
    const trials = decode(trialTable, read('run', 'trials.csv')).filter(({ strategy }) => strategy === 'toy');
    assert.deepEqual([...new Set(trials.map(({ workers }) => workers))].sort(), [1, 2]);
    assert.ok(trials.every(({ status }) => status === 'ok'));
    for (const file of ['summary.csv', 'comparisons.csv', 'situations.csv', 'report.md'])
      assert.match(read('run', file), /\btoy\b/, file);
    const shown = charts.filter(
      ({ name, optional }) => !optional && read('run', 'plots', `${name}.svg`).includes('toy'),
    );
    assert.ok(shown.length >= 8, `shown in ${shown.map(({ name }) => name).join(', ')}`);
  });

  it('has a column in the fault matrix', {
    skip: process.platform !== 'linux' || onlyLong.skip,
  }, async () => {
    const helpers = new HelperProcesses();
    after(() => helpers.end());
    const [loaded] = await loadStrategies([url]);
    assert.ok(loaded !== undefined);
    const rows = [];
    for (const name of ['throw', 'exit', 'killed-from-outside']) {
      const fault = faults.find((fault) => fault.name === name);
      assert.ok(fault !== undefined, name);
      rows.push(await measureFault(helpers, loaded, { fault, workers: 2 }));
    }
    assert.deepEqual(
      rows.map(({ strategy, state, fault_status }) => [strategy, state, fault_status]),
      [
        ['toy', 'survived', 'failed'],
        ['toy', 'survived', 'crashed'],
        ['toy', 'not applicable', null],
      ],
    );
    assert.ok(matrixTable(rows).header.includes('toy'));
  });

  it('has its overhead measured, as one of ours', onlyLong, async () => {
    const roles = seriesOf(await loadStrategies([url])).map(({ role }) => role);
    assert.deepEqual([...new Set(roles)], ['ours']);
    const plan = '--strategies toy --lines sessions --sizes 1KB --workers 2 --rounds 1 --time 5ms';
    const { code, stderr } = await withToy('overhead', ...plan.split(' '), '--out', 'overhead');
    assert.equal(code, 0, stderr);
    assert.match(read('overhead', 'report.md'), /\| `toy`/);
    assert.match(read('overhead', 'overhead-summary.csv'), /^toy,/m);
    assert.match(read('overhead', 'plots', 'overhead.svg'), /toy/);
  });
});
