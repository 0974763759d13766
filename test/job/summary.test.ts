import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Summary, summaryText } from '../../bench/job/summary.js';
import { Tally } from '../../bench/job/tally.js';
import { nothingLeftOut } from '../../workloads/file-walk.js';
import { recommendation } from '../runner/recommendations.js';
import { cli } from '../support.js';
import { folderOf, type Line, linesIn, run, usual } from './job.js';

const summary: Summary = {
  out: 'out.ndjson',
  strategy: 'thread-pool',
  workers: 2,
  documents: 1,
  earlier: 0,
  changed: 0,
  leftOut: nothingLeftOut(),
  counts: { ok: 1, failed: 0, 'timed-out': 0, crashed: 0 },
  vanished: 0,
  fallbacks: 0,
  notOk: [],
  workersReplaced: 0,
  elapsedMs: 5,
  complete: true,
};

describe('the summary', () => {
  it('names documents per worker where they are several', () => {
    assert.match(summaryText(summary), / · thread-pool × 2 · /);
    assert.match(summaryText({ ...summary, perWorker: 4 }), / · thread-pool \(4 per worker\) × 2 · /);
    const byAgents = { ...summary, strategy: 'broker', workers: null };
    assert.match(summaryText(byAgents), / · broker · /, 'the workers are those of the agents');
  });

  it('lists what did not end well, and the exit code says so', async () => {
    const folder = folderOf({
      a: 'fine',
      ...Object.fromEntries(
        Array.from({ length: 25 }, (_, i) => [`bad-${String(i).padStart(2, '0')}`, `bad ${i}`]),
      ),
    });
    writeFileSync(join(folder, 'docs', 'huge'), '');
    truncateSync(join(folder, 'docs', 'huge'), 3 * 2 ** 30); // more than a file may have to be read at once
    const first = await run(folder);
    assert.equal(first.code, 4, first.stderr);
    assert.match(first.stdout, /^27 documents: 1 ok and 26 failed · thread-pool × 2 · 27 in/);
    assert.equal(first.stdout.match(/^ {2}docs\/\S+: failed: /gm)?.length, 20);
    assert.match(first.stdout, /and 6 more: every line of "out\.ndjson" whose status is not ok/);
    const json = await run(folder, [...usual, '--json']);
    assert.equal(json.code, 4);
    const data = JSON.parse(json.stdout);
    assert.deepEqual(
      [data.documents, data.ok, data.failed, data.earlier, data.complete],
      [27, 1, 26, 27, true],
    );
    assert.ok(
      data.notOk.some(
        ({ id, error }: Line) => id === 'docs/huge' && /greater than 2 GiB/.test(error?.message ?? ''),
      ),
    );
    assert.ok(
      data.notOk.some(({ id, error }: Line) => id === 'docs/bad-07' && error?.message === 'cannot bad 7'),
    );
  });

  for (const output of ['out', 'shards'] as const)
    it(`counts the documents that exist and names lines of others apart: --${output}`, async () => {
      const folder = folderOf({ a: 'fine', b: 'fine', bad: 'bad', worse: 'bad' });
      const args = usual.map((word) => (word === '--out' ? `--${output}` : word));
      const shown = async (...more: string[]) => {
        const { code, stdout, stderr } = await run(folder, [...args, ...more]);
        return { code, stdout, stderr };
      };
      assert.equal((await shown()).code, 4);
      rmSync(join(folder, 'docs', 'bad'));
      const still = await shown('--json');
      const { documents, ok, failed, earlier, vanished, notOk } = JSON.parse(still.stdout);
      assert.deepEqual([documents, ok, failed, earlier, vanished], [3, 2, 1, 3, 1]);
      assert.deepEqual(
        notOk.map(({ id }: Line) => id),
        ['docs/worse'],
      );
      assert.equal(still.code, 4, 'a document that exists has failed');
      rmSync(join(folder, 'docs', 'worse'));
      rmSync(join(folder, 'docs', 'b'));
      const { code, stdout, stderr } = await shown('--retry', 'failed');
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^1 document: 1 ok · .*3 lines are of documents that no longer exist · /);
      assert.match(stderr, /going on: 1 of 1 document has its line; 3 lines belong to documents/);
      writeFileSync(join(folder, 'docs', 'bad'), 'fine again');
      const back = await shown('--retry', 'failed');
      assert.equal(back.code, 0, back.stderr);
      assert.match(back.stdout, /^2 documents: 2 ok · .* · 1 in .* · 2 lines are of documents/);
      if (output === 'out') assert.equal(linesIn(folder).length, 4, 'no line was dropped');
      else {
        const index = JSON.parse(readFileSync(join(folder, 'out.ndjson', 'index.json'), 'utf8'));
        assert.deepEqual([index.documents, index.failed], [3, 1], 'the index counts lines');
      }
    });

  it('leaves out a fallback whose document no longer exists', () => {
    const tally = new Tally();
    for (const id of ['a', 'b']) tally.found({ id, status: 'ok', isFallback: true, source: null });
    tally.done.markThere(tally.done.find('a') as number);
    tally.leaveOutVanished();
    assert.deepEqual([tally.documents, tally.fallbacks, tally.vanished], [1, 1, 1]);
  });

  it('counts the workers that were replaced near their memory limit', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `${i}`);
    const folder = folderOf(Object.fromEntries(ids.map((id) => [id, 'x'])));
    const leak = `
      const kept = [];
      export default ({ id }) => {
        kept.push(Array.from({ length: 20_000 }, (_, row) => ({ row, cell: \`\${id} \${row}\` })));
        return kept.length;
      };`;
    writeFileSync(join(folder, 'leak.mjs'), leak);
    const args = ['run', '--task', './leak.mjs', '--docs', 'docs', '--strategy', 'queue', '--workers', '1'];
    // Worker processes have no larger heap than their caller.
    const env = { NODE_OPTIONS: '--max-old-space-size=250' };
    const { code, stdout, stderr } = await cli([...args, '--out', 'out.ndjson'], folder, env);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^250 documents: 250 ok .* · \d+ workers? replaced near (its|their) memory limit · /,
    );
    const json = await cli([...args, '--out', 'json.ndjson', '--json'], folder, env);
    assert.ok(JSON.parse(json.stdout).workersReplaced >= 1, json.stdout);
  });

  it('with --config runs what was found; flags beside it override it', async () => {
    const folder = folderOf({ a: 'x' });
    const found = recommendation({
      strategy: 'thread-pool',
      workers: 1,
      delivery: 'clone',
      task: join(folder, 'task.mjs'),
    });
    writeFileSync(join(folder, 'found.json'), JSON.stringify(found));
    const of = async (...more: string[]) => {
      rmSync(join(folder, 'out.ndjson'), { force: true });
      const { code, stdout, stderr } = await run(folder, [
        'run',
        '--docs',
        'docs',
        '--out',
        'out.ndjson',
        '--config',
        'found.json',
        ...more,
      ]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.match(await of(), /thread-pool × 1/);
    assert.match(await of('--workers', '2', '--timeout', '5s'), /thread-pool × 2/);
    assert.match(await of('--strategy', 'partitioned', '--workers', '2'), /partitioned × 2/);
    assert.match(await of('--task', './task.mjs'), /thread-pool × 1/);
  });

  const bad: [args: string[], message: RegExp][] = [
    [
      ['--task', './task.mjs'],
      /expected a strategy: give --strategy .* or --config recommendation\.json, which `forkwise pick`/,
    ],
    [['--strategy', 'queue'], /expected --task, the path of a module/],
    [['--task', './task.mjs', '--strategy', 'que'], /unknown strategy "que"; did you mean "queue"/],
    [
      ['--task', './task.mjs', '--strategy', 'queue', '--workers', 'two'],
      /expected --workers to be a whole number/,
    ],
    [['--config', 'none.json'], /--config "none\.json": cannot be read/],
    [['--config', 'task.mjs'], /--config "task\.mjs": /],
    [
      ['--config', 'empty.json'],
      /--config "empty\.json": recommendation, field "schema": expected 1 or 2, got nothing/,
    ],
  ];
  for (const [args, message] of bad) {
    it(`a usage error: ${args.join(' ')}`, async () => {
      const folder = folderOf({ a: 'x' });
      writeFileSync(join(folder, 'empty.json'), '{}');
      const { code, stderr } = await run(folder, ['run', '--docs', 'docs', '--out', 'out.ndjson', ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!existsSync(join(folder, 'out.ndjson')));
    });
  }
});
