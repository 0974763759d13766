import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { onlyLong, openable } from '../support.js';
import { folderOf, linesIn, onLinux, run } from './job.js';

const sizeMb = 48;
const count = 14;
/** Node, the command and a small task need less than this. */
const baseMb = 170;

/** The task returns the largest size so far of its process and of that process's parent, MB. */
const task = `
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export const kind = 'cpu';
export default async function ({ bytes }) {
  await setTimeout(100); // a caller that reads has the time to read ahead
  const statusOf = (pid) => readFileSync(\`/proc/\${pid}/status\`, 'latin1');
  const peakMb = (pid) => Number(/VmHWM:\\s+(\\d+)/.exec(statusOf(pid))[1]) / 1024;
  return { bytes: bytes.length, own: peakMb('self'), parent: peakMb(process.ppid) };
}`;

interface Peaks {
  readonly bytes: number;
  readonly own: number;
  readonly parent: number;
}

const loaded = await openable(entries);
/** `npm test` has one strategy of each kind, and `npm run test:long` all of them. */
const few = ['sequential', 'self-scheduling', 'queue', 'process-pool'];

describe('memory of a job with large files', onLinux, () => {
  for (const { name, isolation, scales } of loaded)
    it(`${name}: has a file for each worker, its garbage, and no other`, {
      ...(few.includes(name) ? {} : onlyLong),
      timeout: 60_000,
    }, async () => {
      const ids = Array.from({ length: count }, (_, i) => `${i}.scan`);
      const folder = folderOf(Object.fromEntries(ids.map((id) => [id, ''])));
      for (const id of ids) truncateSync(join(folder, 'docs', id), sizeMb * 2 ** 20); // sparse
      writeFileSync(join(folder, 'task.mjs'), task);
      const workers = scales ? 2 : 1;
      const { code, stderr } = await run(folder, [
        ...['run', '--task', './task.mjs', '--docs', 'docs', '--out', 'out.ndjson', '--strategy', name],
        ...['--workers', `${workers}`],
      ]);
      assert.equal(code, 0, stderr);
      const peaks = linesIn(folder).map(({ value }) => value as Peaks);
      assert.equal(peaks.length, count);
      assert.ok(peaks.every(({ bytes }) => bytes === sizeMb * 2 ** 20));
      const highest = (of: 'own' | 'parent') => Math.max(...peaks.map((peak) => peak[of]));
      const here = isolation === 'process' ? 1 : workers;
      const maxMb = baseMb + 3.25 * sizeMb * here; // a caller that reads had 520 MB or more
      assert.ok(highest('own') < maxMb, `${highest('own')} MB, expected less than ${maxMb}`);
      if (isolation !== 'process') return;
      // The caller has no document at all.
      assert.ok(highest('parent') < baseMb, `${highest('parent')} MB, expected less than ${baseMb}`);
    });
});
