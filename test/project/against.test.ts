import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { judge } from '../../bench/scripts/against/judge.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = fileURLToPath(new URL('../../bench/scripts/against.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'forkwise-against-'));
after(() => rmSync(folder, { recursive: true }));

function against(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('bench:against', () => {
  it('says "unchanged" exactly when the interval is above 1 − x', () => {
    const near = [0.99, 1.0, 0.98, 1.01];
    assert.equal(judge(near, 5).state, 'unchanged');
    assert.equal(judge(near, 5).verdict, 'unchanged within 5 %');
    assert.equal(judge(near, 1).state, 'unsettled');
    assert.equal(judge([1.5, 1.6, 1.4], 5).state, 'unchanged', 'a faster checkout is not slower');
    assert.equal(judge([0.9, 0.91, 0.89], 5).state, 'slower');
    assert.equal(judge([0.9, 1.2], 5).state, 'unsettled');
    const { ratio, low, high } = judge([0.5, 2], 5);
    assert.ok(Math.abs(ratio - 1) < 1e-9 && low < 1 && high > 1);
  });

  it('measures every configuration of both checkouts in pairs, and continues a file', async () => {
    const out = join(folder, 'against.csv');
    const args = [root, '--strategies', 'sequential,queue', '--workloads', 'kernel', '--pairs', '2'];
    const first = await against(...args, '--time', '20ms', '--out', out);
    assert.ok([0, 5, 6].includes(first.code), first.stderr);
    for (const name of ['sequential', 'queue']) assert.match(first.stdout, new RegExp(`${name} × 2 .* 2 `));
    const csv = readFileSync(out, 'utf8');
    const turns = csv
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(','));
    assert.deepEqual(
      turns.map(([pair, , strategy, , , side]) => `${pair} ${strategy} ${side}`).toSorted(),
      ['1 queue new', '1 queue old', '1 sequential new', '1 sequential old']
        .flatMap((turn) => [turn, turn.replace('1', '2')])
        .toSorted(),
    );
    const again = await against(...args, '--time', '20ms', '--out', out);
    assert.equal(again.stdout, first.stdout);
    assert.equal(readFileSync(out, 'utf8'), csv, 'a finished file gets no further turns');
  });

  it('refuses a folder that is not a built checkout, and names that a list lacks', async () => {
    const empty = await against(folder);
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /expected .* to be a built checkout/);
    const unknown = await against(root, '--strategies', 'nonsense', '--pairs', '2');
    assert.equal(unknown.code, 4);
    assert.match(unknown.stderr, /expected one of sequential.* got "nonsense"/);
  });
});
