import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, encodeHeader, encodeRows } from '../../bench/tables/csv.js';
import type { Environment } from '../../bench/tables/environment.js';
import { projectionTable } from '../../bench/tables/scaling-columns.js';
import { type TrialRow, trialTable } from '../../bench/tables/trial-columns.js';
import { charts } from '../../plots/index.js';
import { renderPng } from '../../plots/png.js';
import { chartless, cli } from '../support.js';

/** These tests run commands on runs that exist already: resume, report, compare. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const original = join(folder, 'original');
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => cli(args, folder, chartless);
const runWithCharts = (...args: string[]) => cli(args, folder);

let copies = 0;
/** A copy of the run with its trials, or its environment, changed. */
function changed(change: {
  trials?: (rows: TrialRow[]) => TrialRow[];
  environment?: (text: string) => string;
}): string {
  const copy = join(folder, `copy-${copies++}`);
  cpSync(original, copy, { recursive: true });
  const trials = decode(trialTable, readFileSync(join(copy, 'trials.csv'), 'utf8'));
  writeFileSync(
    join(copy, 'trials.csv'),
    encodeHeader(trialTable) + encodeRows(trialTable, change.trials?.(trials) ?? trials),
  );
  const environment = readFileSync(join(copy, 'environment.json'), 'utf8');
  writeFileSync(join(copy, 'environment.json'), change.environment?.(environment) ?? environment);
  return copy;
}

before(async () => {
  const plan = [
    '--profile',
    'smoke',
    '--workloads',
    'spin',
    '--documents',
    '4',
    '--strategies',
    'sequential,partitioned',
    '--workers',
    '2',
    '--rounds',
    '3',
  ];
  const { code, stderr } = await runWithCharts('bench', ...plan, '--out', original);
  assert.equal(code, 0, stderr);
});

describe('report', () => {
  it('makes everything that is derived again, byte for byte', async () => {
    const copy = changed({});
    const derived = readdirSync(copy, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /\.(csv|md|html|svg|vl\.json)$/.test(name) && name !== 'trials.csv',
    );
    assert.ok(derived.length >= 15);
    for (const name of derived) rmSync(join(copy, name));
    const { code, stdout } = await runWithCharts('report', copy);
    assert.equal(code, 0);
    assert.match(stdout, /spin/);
    for (const name of derived)
      assert.equal(readFileSync(join(copy, name), 'utf8'), readFileSync(join(original, name), 'utf8'), name);
  });

  it('names the line of a damaged file, and refuses a folder that is no run', async () => {
    const copy = changed({});
    const text = readFileSync(join(copy, 'trials.csv'), 'utf8').split('\r\n');
    text[2] = text[2]?.slice(0, 20) ?? '';
    writeFileSync(join(copy, 'trials.csv'), text.join('\r\n'));
    const damaged = await run('report', copy);
    assert.equal(damaged.code, 3);
    assert.match(damaged.stderr, /trials\.csv" is damaged, line 3: expected \d+ cells/);
    const nothing = await run('report', folder);
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /expected the folder of a run/);
  });
});

describe('report, asked for more', () => {
  it('projects other numbers of documents, and how many machines a deadline takes', async () => {
    const copy = changed({});
    const { code } = await run('report', copy, '--project', '7200000', '--deadline', '30m');
    assert.equal(code, 0);
    const rows = decode(projectionTable, readFileSync(join(copy, 'projections.csv'), 'utf8'));
    assert.ok(rows.length > 0);
    for (const row of rows) {
      assert.deepEqual([row.documents, row.deadline_hours], [7_200_000, 0.5]);
      assert.equal(row.machines, Math.ceil(7_200_000 / row.documents_per_second / 1800));
    }
    const bad = await run('report', copy, '--deadline', 'soon');
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /expected --deadline to be a duration like 30s/);
  });

  it('draws PNGs with their text, wherever fonts are or are not', async () => {
    const copy = changed({});
    assert.equal((await runWithCharts('report', copy, '--png')).code, 0);
    const pictures = readdirSync(join(copy, 'plots')).filter((name) => name.endsWith('.png'));
    assert.equal(pictures.length, charts.filter(({ optional }) => !optional).length);
    for (const name of pictures)
      assert.equal(
        readFileSync(join(copy, 'plots', name))
          .subarray(1, 4)
          .toString(),
        'PNG',
      );
    const svg = readFileSync(join(copy, 'plots', 'startup.svg'), 'utf8');
    const mute = await renderPng(svg.replaceAll(/<text[^>]*>[^<]*<\/text>/g, ''));
    assert.ok(!mute.equals(readFileSync(join(copy, 'plots', 'startup.png'))), 'text must leave a trace');
  });

  it('shows several runs side by side and writes nothing', async () => {
    const other = changed({ environment: (text) => text.replace(/"run_id": "[^"]*"/, '"run_id": "other"') });
    const before = readdirSync(other).map((name) => statSync(join(other, name)).mtimeMs);
    const { code, stdout } = await run('report', original, other);
    assert.equal(code, 0);
    assert.match(stdout, /A +original[\s\S]*B +other[\s\S]*workload +documents +strategy +A +B/);
    assert.deepEqual(
      readdirSync(other).map((name) => statSync(join(other, name)).mtimeMs),
      before,
    );
    assert.equal(JSON.parse((await run('report', original, other, '--json')).stdout).length, 2);
    for (const [args, words] of [
      [[original, original], /expected each run once/],
      [[original, other, '--png'], /--png is for the report of one run/],
    ] as const) {
      const refused = await run('report', ...args);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, words);
    }
  });

  it('appends report.md to the summary of a GitHub job, and does not fail where it cannot', async () => {
    const copy = changed({});
    const path = join(copy, 'summary-of-the-job.md');
    writeFileSync(path, 'before\n');
    assert.equal((await cli(['report', copy], folder, { ...chartless, GITHUB_STEP_SUMMARY: path })).code, 0);
    assert.equal(readFileSync(path, 'utf8'), `before\n${readFileSync(join(copy, 'report.md'), 'utf8')}\n`);
    const nowhere = await cli(['report', copy], folder, {
      ...chartless,
      GITHUB_STEP_SUMMARY: join(copy, 'no', 'folder'),
    });
    assert.equal(nowhere.code, 0);
    assert.match(nowhere.stderr, /GITHUB_STEP_SUMMARY: ENOENT/);
  });
});

describe('bench --resume', () => {
  it('measures what is missing and nothing else', async () => {
    const begun = changed({ trials: (rows) => rows.slice(0, 7) });
    const { code, stderr } = await run('bench', '--resume', begun);
    assert.equal(code, 0, stderr);
    const places = (path: string) =>
      decode(trialTable, readFileSync(join(path, 'trials.csv'), 'utf8')).map(
        ({ round, order, strategy, workers, twin }) => [round, order, strategy, workers, twin],
      );
    assert.deepEqual(places(begun), places(original));
  });

  it('refuses another plan, another Node and other documents, and leaves the run as it is', async () => {
    const cases: [string, string[], number, RegExp][] = [
      [changed({}), ['--rounds', '7'], 2, /planned with --rounds 3, not --rounds 7/],
      [changed({}), ['--docs', 'x'], 2, /planned with no --docs, not --docs x/],
      [
        changed({ environment: (text) => text.replace(/"version": "\d+/, '"version": "18') }),
        [],
        2,
        /measured on Node 18, and this is Node \d+/,
      ],
      [
        changed({ environment: (text) => text.replace(/"sha256": "v2:\w{4}/, '"sha256": "v2:0000') }),
        [],
        3,
        /the documents of spin 10KB differ from those at the start of the run/,
      ],
      [
        changed({ environment: (text) => text.replace('"sha256": "v2:', '"sha256": "') }),
        [],
        3,
        /the documents of spin 10KB differ from those at the start of the run/,
      ],
    ];
    for (const [path, args, code, message] of cases) {
      const before = readFileSync(join(path, 'trials.csv'), 'utf8');
      const result = await run('bench', '--resume', path, ...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(readFileSync(join(path, 'trials.csv'), 'utf8'), before);
    }
  });
});

describe('bench --resume of a run by an earlier version', () => {
  /** Version 0.1.0 began it and was interrupted in the first of two rounds. */
  const before = fileURLToPath(new URL('../../../test/fixtures/run-before/', import.meta.url));

  /** A copy that claims to be measured on this Node and planned with one round, with its CSV changed. */
  const begun = (change: (lines: string[][]) => string[][] = (lines) => lines): string => {
    const path = mkdtempSync(join(folder, 'before-'));
    const environment = readFileSync(join(before, 'environment.json'), 'utf8');
    const version = `"version": "${process.versions.node}"`;
    writeFileSync(
      join(path, 'environment.json'),
      environment
        .replace(/"version": "[^"]+"/, version)
        .replaceAll(/("rounds": "|"rounds_least": |"rounds_most": )2/g, '$11'),
    );
    const lines = readFileSync(join(before, 'trials.csv'), 'utf8').trimEnd().split('\r\n');
    const cells = change(lines.map((line) => line.split(',')));
    writeFileSync(join(path, 'trials.csv'), cells.map((line) => `${line.join(',')}\r\n`).join(''));
    return path;
  };
  const without = (name: string) => (lines: string[][]) => {
    const place = lines[0]?.indexOf(name) ?? -1;
    return lines.map((line) => line.filter((_, i) => i !== place));
  };
  const places = (path: string) =>
    decode(trialTable, readFileSync(join(path, 'trials.csv'), 'utf8'))
      .filter(({ attempt }) => attempt === 1)
      .map(({ round, order }) => `${round}.${order}`);

  it('measures what is missing, in the file’s own order of columns', async () => {
    // Another order, a column of a later version, and one less that may be empty.
    const path = begun((lines) =>
      without('gc_ms')(lines).map((line, i) => [...line.toReversed(), i === 0 ? 'of_tomorrow' : '7']),
    );
    const header = readFileSync(join(path, 'trials.csv'), 'utf8').split('\r\n', 1)[0];
    const kept = readFileSync(join(path, 'trials.csv'), 'utf8');
    const { code, stderr } = await run('bench', '--resume', path);
    assert.equal(code, 0, stderr);
    const text = readFileSync(join(path, 'trials.csv'), 'utf8');
    assert.ok(text.startsWith(kept), 'what was there is still there');
    assert.equal(text.split('\r\n', 1)[0], header);
    const planned = Array.from({ length: 14 }, (_, i) => `1.${i + 1}`);
    assert.deepEqual(places(path).sort(), planned.sort());
    const rows = decode(trialTable, text);
    assert.ok(rows.every(({ gc_ms }) => gc_ms === null));
    assert.equal(rows.filter(({ status }) => status === 'failed').length, 0);
  });

  it('refuses a file that lacks a required column, and writes nothing', async () => {
    for (const name of ['round', 'documents_per_second']) {
      const path = begun(without(name));
      const text = readFileSync(join(path, 'trials.csv'), 'utf8');
      const { code, stderr } = await run('bench', '--resume', path);
      assert.equal(code, 2, stderr);
      assert.match(stderr, new RegExp(`trials.csv lacks the required column "${name}"`));
      assert.deepEqual(readdirSync(path).sort(), ['environment.json', 'trials.csv']);
      assert.equal(readFileSync(join(path, 'trials.csv'), 'utf8'), text);
    }
  });

  it('plans what environment.json recorded, not what is listed today', async () => {
    const path = changed({
      trials: (rows) => rows.slice(0, 1),
      environment: (text) => {
        const environment = JSON.parse(text) as Environment;
        const { plan, flags } = environment;
        const strategies = [
          { name: 'sequential', deliveries: ['none'], workers: [1] },
          { name: 'partitioned', deliveries: ['shared'], workers: [3] },
        ];
        const { strategies: _, ...others } = flags;
        return JSON.stringify({
          ...environment,
          flags: { ...others, rounds: '1' },
          plan: { ...plan, trials_per_round: 3, rounds_least: 1, rounds_most: 1, strategies },
        });
      },
    });
    const { code, stderr } = await run('bench', '--resume', path);
    assert.equal(code, 0, stderr);
    const measured = decode(trialTable, readFileSync(join(path, 'trials.csv'), 'utf8')).slice(1);
    assert.ok(measured.length > 0);
    for (const { strategy, workers, delivery } of measured)
      assert.ok(['sequential 1 none', 'partitioned 3 shared'].includes(`${strategy} ${workers} ${delivery}`));
  });

  it('refuses a plan of another size, and strategies that are no longer there', async () => {
    for (const [change, message] of [
      [
        (plan: Environment['plan']) => ({ ...plan, trials_per_round: 99 }),
        /planned with 99 trials per round/,
      ],
      [
        (plan: Environment['plan']) => ({
          ...plan,
          strategies: [{ name: 'gone', deliveries: [], workers: [1] }],
        }),
        /measures "gone", which this version of forkwise does not have/,
      ],
    ] as const) {
      const path = changed({
        trials: (rows) => rows.slice(0, 1),
        environment: (text) => {
          const environment = JSON.parse(text) as Environment;
          return JSON.stringify({ ...environment, plan: change(environment.plan) });
        },
      });
      const text = readFileSync(join(path, 'trials.csv'), 'utf8');
      const { code, stderr } = await run('bench', '--resume', path);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.equal(readFileSync(join(path, 'trials.csv'), 'utf8'), text);
    }
  });
});

describe('compare', () => {
  /** Rates without noise, so that the answer does not depend on this machine. */
  const rated = (factor: (row: TrialRow) => number) =>
    changed({
      trials: (rows) =>
        rows.map((row) => ({ ...row, documents_per_second: 100 * factor(row) * (1 + row.round / 1000) })),
    });

  it('exits with 0 for the same, 5 for a regression, 6 for what it cannot tell under --strict', async () => {
    const base = rated(() => 1);
    assert.equal(
      (
        await run(
          'compare',
          base,
          rated(() => 1.0001),
          '--strict',
        )
      ).code,
      0,
    );
    const slower = await run(
      'compare',
      base,
      rated(({ strategy }) => (strategy === 'partitioned' ? 0.8 : 1)),
    );
    assert.equal(slower.code, 5, slower.stdout);
    assert.match(slower.stdout, /partitioned +2 +0\.80× .* slower/);
    const unclear = rated(({ round }) => [0.7, 1, 1.3][round - 1] ?? 1);
    assert.equal((await run('compare', base, unclear)).code, 0);
    assert.equal((await run('compare', base, unclear, '--strict')).code, 6);
  });

  it('refuses runs of different machines unless told to, and then says so', async () => {
    const other = changed({ environment: (text) => text.replace(/"effective": [\d.]+/, '"effective": 64') });
    const refused = await run('compare', original, other);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /they differ in effective cores: [\d.]+ and 64/);
    assert.match(
      (await run('compare', original, other, '--force')).stdout,
      /Compared by force although they differ in effective cores/,
    );
  });
});
