import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { decode } from '../../bench/tables/csv.js';
import { stageTable } from '../../bench/tables/stage-columns.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { folder, fresh, run } from './start.js';

const task = join(folder, 'chain.mjs');
const docs = join(folder, 'docs');

before(() => {
  writeFileSync(
    task,
    `export const stages = [
  { name: 'load', kind: 'cpu', flatMap: true, run: ({ bytes }) => [bytes.length, bytes[0]] },
  { name: 'encode', kind: 'io', batch: { documents: 4, ms: 1 }, run: async (all) => all.map((n) => 2 * n) },
  { name: 'write', kind: 'cpu', run: (n) => ({ n }) },
];`,
  );
  mkdirSync(docs);
  for (const name of ['a', 'bb', 'ccc']) writeFileSync(join(docs, `${name}.txt`), name);
});

describe('a task with stages', () => {
  it('is measured on strategies with workers for each stage, and what stages did is a table', async () => {
    const out = fresh();
    const { code, stderr } = await run(
      ...['bench', '--task', task, '--docs', docs, '--profile', 'smoke', '--out', out],
      ...['--strategies', 'sequential,pipeline', '--stages', 'load=1,encode=2,write=1'],
    );
    assert.equal(code, 0, stderr);
    const read = (name: string) => readFileSync(join(out, name), 'utf8');
    const trials = decode(trialTable, read('trials.csv'));
    const staged = trials.filter(({ strategy }) => strategy === 'pipeline');
    assert.ok(trials.every(({ digest_matches }) => digest_matches === true));
    assert.deepEqual(
      staged.map(({ workers, configuration }) => [workers, configuration]),
      [[4, 'load=1,encode=2,write=1']],
    );
    const summary = decode(summaryTable, read('summary.csv'));
    assert.deepEqual(
      summary.map(({ configuration }) => configuration),
      [null, 'load=1,encode=2,write=1'],
    );
    const stages = decode(stageTable, read('stages.csv'));
    const passes = staged[0]?.passes ?? 0;
    assert.deepEqual(
      stages.map(({ stage, place, stage_workers, stage_documents }) => [
        stage,
        place,
        stage_workers,
        stage_documents,
      ]),
      [
        ['load', 1, 1, 3 * passes],
        ['encode', 2, 2, 6 * passes],
        ['write', 3, 1, 6 * passes],
      ],
    );
    for (const { stage_workers, wall_ms, busy_ms, blocked_ms, idle_ms } of stages) {
      assert.ok(busy_ms > 0 && blocked_ms >= 0 && idle_ms >= 0);
      // The clock of a pass stops a little later than that of its stages, or a little earlier.
      assert.ok(busy_ms + blocked_ms + idle_ms <= 1.2 * stage_workers * wall_ms + 20);
    }
  });

  it('is split by what its stages cost, with a worker for each at least', async () => {
    const { code, stdout, stderr } = await run(
      ...['bench', '--task', task, '--docs', docs, '--profile', 'smoke', '--workers', '1,2,5'],
      ...['--dry-run', '--json'],
    );
    assert.equal(code, 0, stderr);
    const { cells } = JSON.parse(stdout) as { cells: { strategy: string; workers: number }[] };
    const counts = cells.filter(({ strategy }) => strategy === 'pipeline').map(({ workers }) => workers);
    assert.equal(counts[0], 3);
    assert.ok(counts.length <= 2 && counts.every((count) => count <= 5));
  });

  it('runs with --stages, and says what is wrong with them', async () => {
    const job = (...flags: string[]) =>
      run('run', '--task', task, '--docs', docs, '--out', `${fresh()}.ndjson`, ...flags);
    const [good, unknown, both, other] = await Promise.all([
      job('--strategy', 'pipeline', '--stages', 'load=1,encode=1,write=1'),
      job('--strategy', 'pipeline', '--stages', 'load=1,encode=1,send=1'),
      job('--strategy', 'pipeline', '--stages', 'load=1,encode=1,write=1', '--workers', '3'),
      job('--strategy', 'queue', '--stages', 'load=1,encode=1,write=1'),
    ]);
    assert.equal(good?.code, 0, good?.stderr);
    assert.match(`${good?.stdout}${good?.stderr}`, /3 documents: 3 ok · pipeline × 3/);
    for (const refused of [unknown, both, other]) assert.equal(refused?.code, 2);
    assert.match(unknown?.stderr ?? '', /error: --stages: .*"send".* load, encode, write/);
    assert.match(both?.stderr ?? '', /--stages and --workers cannot be combined/);
    assert.match(other?.stderr ?? '', /workers for each stage with --stages, and "queue" is none/);
  });
});
