import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { files, processTree, treeMemory } from '../../bench/measure/proc.js';
import { strategies } from '../../strategies/index.js';

/**
 * `npm run test:stream`: 100,000 documents of 10 KB through each strategy over the shared transports. The
 * memory of the process tree, shared pages counted once, is read at every percent of the stream.
 */
const count = 100_000;
const size = 10_000;
/**
 * Engines grow their heaps in steps over the first few hundred megabytes; after half of the stream, 500 MB,
 * only this much.
 */
const allowance = 50e6;

for (const { name, url } of strategies.filter(({ name }) =>
  ['partitioned', 'self-scheduling', 'queue'].includes(name),
)) {
  it(`${name} streams in constant memory`, {
    skip: process.platform !== 'linux',
    timeout: 300_000,
  }, async (t) => {
    const host = fork(fileURLToPath(new URL('../fixtures/programs/stream-host.js', import.meta.url)), [
      url,
      String(count),
      String(size),
    ]);
    let early = 0;
    let half = 0;
    let peak = 0;
    host.on('message', (done: number) => {
      peak = Math.max(peak, treeMemory(files, processTree(files, host.pid as number)) ?? 0);
      if (done <= count / 10) early = peak;
      if (done <= count / 2) half = peak;
      host.send('go on');
    });
    const code = await new Promise((resolve) => host.on('exit', resolve));
    assert.equal(code, 0);
    t.diagnostic(
      `peak ${(early / 1e6).toFixed(1)} MB in the first tenth, ${(peak / 1e6).toFixed(1)} MB in all`,
    );
    assert.ok(early > 0 && peak < half + allowance);
  });
}
