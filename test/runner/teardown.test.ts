import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createRunner } from '../../index.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const task = join(folder, 'task.mjs');
writeFileSync(
  task,
  'export default ({ size }) => size; export const teardown = () => { throw new Error("no flush"); };',
);

describe('a teardown that fails', () => {
  for (const strategy of ['sequential', 'async', 'thread-pool', 'self-scheduling', 'queue'])
    it(`does not fail the end of ${strategy}`, { timeout: 30_000 }, async () => {
      const isHere = strategy === 'sequential' || strategy === 'async';
      for (const end of ['close', 'drain'] as const) {
        const warned = isHere ? once(process, 'warning') : null; // workers print theirs
        const runner = await createRunner({ task, strategy, workers: 1 });
        assert.equal((await runner.run({ id: 'a', bytes: new Uint8Array(3) })).status, 'ok');
        await runner[end]();
        if (warned !== null)
          assert.match((await warned)[0].message, /^the task's teardown failed: no flush$/);
      }
    });
});
