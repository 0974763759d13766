import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { promisify } from 'node:util';
import { files, processTree, treeMemory } from '../../bench/measure/proc.js';
import type { SizeResult, WorkerKind } from '../../bench/size/words.js';
import { createRunner } from '../../index.js';
import { cliPath } from '../support.js';

/**
 * `npm run test:groups`: what `forkwise size` says of a worker that holds 200 MB, beside what three such
 * workers really take, and of a task whose memory grows without an end.
 */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-sizes-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const heldBytes = 200e6;
const workers = 3;

mkdirSync(join(folder, 'docs'));
for (let i = 0; i < 8; i++) writeFileSync(join(folder, 'docs', `${i}.txt`), 'one two '.repeat(100 * (i + 1)));
writeFileSync(
  join(folder, 'holds.mjs'),
  `export const kind = 'cpu';
   export const setup = () => Buffer.alloc(${heldBytes}, 1);
   export default (document, { state }) => {
     const until = Date.now() + 20;
     while (Date.now() < until);
     return state.length + document.bytes.length;
   };`,
);
writeFileSync(
  join(folder, 'leaks.mjs'),
  `export const kind = 'cpu';
   const all = [];
   export default () => all.push(Buffer.alloc(300_000, 1));`,
);

async function sizeOf(task: string): Promise<SizeResult & { rows: unknown[] }> {
  const args = [cliPath, 'size', '--task', task, '--docs', 'docs', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder }).catch(
    (cause) => cause,
  );
  return JSON.parse(stdout);
}

it('the size of a worker of known memory is within a tenth of what it takes', async () => {
  const result = await sizeOf('holds.mjs');
  for (const [kind, strategy] of [
    ['thread', 'thread-pool'],
    ['process', 'process-pool'],
  ] as const) {
    const { workerBytes, baseBytes } = result.workers.find((worker) => worker.kind === kind) as WorkerKind;
    const before = treeMemory(files, [process.pid]) ?? 0;
    const runner = await createRunner({ task: join(folder, 'holds.mjs'), strategy, workers });
    const documents = Array.from({ length: 24 }, (_, i) => ({ id: String(i), bytes: Buffer.from('one') }));
    for await (const { status } of runner.process(documents)) assert.equal(status, 'ok');
    const taken = (treeMemory(files, processTree(files, process.pid)) ?? 0) - before;
    await runner.close();
    const ratio = (workers * workerBytes) / taken;
    console.log(
      `${kind}: holds ${heldBytes / 1e6} MB, size says ${Math.round(workerBytes / 1e6)} MB (caller ` +
        `${Math.round(baseBytes / 1e6)} MB); ${workers} take ${Math.round(taken / 1e6)} MB, ` +
        `${(100 * ratio).toFixed(1)} % of it is predicted`,
    );
    assert.ok(Math.abs(ratio - 1) <= 0.1);
  }
});

it('no number is safe for a task whose memory grows without an end', async () => {
  const { grows, rows } = await sizeOf('leaks.mjs');
  console.log(`leaks: ${grows}`);
  assert.ok(grows);
  assert.deepEqual(rows, []);
});
