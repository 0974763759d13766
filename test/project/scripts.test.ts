import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isResult } from '../../bench/scripts/results/large-result.js';
import { comparable } from '../../bench/scripts/run/turn.js';
import { spread } from '../../bench/scripts/spread.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true }));

function script(name: string, ...args: string[]) {
  const program = fileURLToPath(new URL(`../../bench/scripts/${name}.js`, import.meta.url));
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, TMPDIR: folder };
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function rowsIn(file: string): string[][] {
  const lines = readFileSync(file, 'utf8').trim().split('\r\n');
  return lines.map((line) => line.split(','));
}

describe('bench:run', () => {
  it('measures every configuration with all files and with one, and leaves only its rows', async () => {
    const out = join(folder, 'out', 'run.csv');
    const args = ['--files', '12', '--size', '1KB', '--rounds', '1', '--tasks', '0,3', '--out', out];
    const { code, stdout, stderr } = await script('run', ...args);
    assert.equal(code, 0, stderr);
    for (const name of ['plain loop', 'sequential', 'self-scheduling', 'trivial', '3 µs'])
      assert.ok(stdout.includes(name), stdout);
    const [header, ...rows] = rowsIn(out);
    assert.deepEqual(header?.slice(0, 5), ['round', 'task_us', 'strategy', 'workers', 'checkout']);
    const turns = ['0', '3'].flatMap((task) =>
      ['plain loop,1', 'plain loop,2', 'self-scheduling,2', 'sequential,1'].flatMap((one) =>
        ['1', '12'].map((files) => `1,${task},${one},this,${files},1000`),
      ),
    );
    assert.deepEqual(rows.map((row) => row.slice(0, 7).join()).sort(), turns.sort());
    assert.ok(rows.every((row) => Number(row[7]) > 0));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('forkwise-bench-run')),
      [],
    );
  });

  it('compares ids, statuses and values in any order, and nothing else', () => {
    const source = ',"source":{"size":3,"mtimeMs":17.5}';
    const lines = [
      `{"id":"b","status":"ok","value":{"size":3}${source}}`,
      '{"id":"a","status":"ok","value":1}',
    ];
    assert.equal(
      comparable(lines.join('\n')),
      '{"id":"a","status":"ok","value":1}\n{"id":"b","status":"ok","value":{"size":3}}',
    );
  });

  it('ends with the reason when a configuration cannot run', async () => {
    const out = join(folder, 'never.csv');
    const args = ['--files', '2', '--rounds', '1', '--out', out];
    const { code, stderr } = await script('run', ...args, '--strategies', 'no-such');
    assert.notEqual(code, 0);
    assert.match(stderr, /no-such/);
    assert.ok(!existsSync(out), 'nothing was measured');
    for (const [wrong, said] of [
      [['--files', '1'], /at least 2/],
      [['--before', folder], /built checkout/],
    ] as const) {
      const refused = await script('run', ...args, ...wrong);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, said);
    }
  });
});

describe('bench:results', () => {
  it('measures strategies against loops by hand', async () => {
    const out = join(folder, 'results.csv');
    const args = ['--size', '20KB', '--rounds', '2', '--time', '5ms', '--strategies', 'sequential,queue'];
    const { code, stdout, stderr } = await script('results', ...args, '--out', out);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /threads by hand .* 100 %/);
    assert.match(stdout, /processes by hand .* 100 %/);
    const [, ...rows] = rowsIn(out);
    assert.deepEqual(
      rows.map((row) => row.slice(0, 5).join()).sort(),
      ['1', '2'].flatMap((round) =>
        ['processes by hand,process', 'queue,process', 'sequential,none', 'threads by hand,thread'].map(
          (name) => `${round},${name},2,20000`,
        ),
      ),
    );
  });

  it('tells a result by its size and both its ends', () => {
    const right = new Uint8Array(10).fill(258 & 255);
    const of = { index: 258, bytes: 10 };
    assert.ok(isResult(right, of));
    for (const wrong of [right.subarray(1), [...right], null, right.with(0, 9), right.with(9, 9)])
      assert.ok(!isResult(wrong, of));
  });
});

it('a spread is a median with its range', () => {
  assert.equal(spread([3, 1, 2]), '2 (1–3)');
  assert.equal(spread([]), '');
});
