import assert from 'node:assert/strict';
import { PerformanceObserver } from 'node:perf_hooks';
import { it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BufferGarbage } from '../../strategies/session/buffer-garbage.js';

const bytes = 2 ** 20;
const count = 24;

it('buffers that are not used any more are collected at the limit, and not by V8 alone', async () => {
  const alone = await collections(() => {});
  const garbage = new BufferGarbage(4 * bytes);
  const looked = await collections(() => garbage.look());
  assert.ok(looked > alone, `expected more than ${alone} collections, got ${looked}`);
});

/** Returns how often V8 collects while buffers are made and let go. */
async function collections(look: () => void): Promise<number> {
  let found = 0;
  const observer = new PerformanceObserver((list) => {
    found += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  for (let made = 0; made < count; made++) {
    void new ArrayBuffer(bytes);
    look();
  }
  await wait(20); // the observer is notified in a later turn
  observer.disconnect();
  return found;
}
