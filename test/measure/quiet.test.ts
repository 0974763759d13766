import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitForQuiet } from '../../bench/measure/quiet.js';

/** Waits on a clock of its own, while others take the given share of the machine in each second. */
async function waited(shareAt: (second: number) => number | null, maxMs = 300_000) {
  let second = 0;
  const controller = new AbortController();
  return await waitForQuiet({
    maxMs,
    signal: controller.signal,
    pause: async (ms) => {
      second += ms / 1000;
    },
    watch: () => {
      const from = second;
      return () => {
        const shares = Array.from({ length: second - from }, (_, i) => shareAt(from + i));
        return shares.some((share) => share === null)
          ? null
          : shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) / shares.length;
      };
    },
  });
}

describe('waiting for a quiet machine', () => {
  it('takes ten quiet seconds', async () => {
    assert.deepEqual(await waited(() => 1), { quiet: true, waitedMs: 10_000, othersPercent: 1 });
  });

  it('waits for the end of what disturbs, and no longer than it may', async () => {
    const { quiet, waitedMs } = await waited((second) => (second < 30 ? 40 : 0));
    assert.equal(quiet, true);
    assert.ok(waitedMs > 30_000 && waitedMs <= 40_000, `${waitedMs}`);
    assert.deepEqual(await waited(() => 30, 60_000), { quiet: false, waitedMs: 60_000, othersPercent: 30 });
  });

  it('does not wait where the system does not show what others take', async () => {
    assert.deepEqual(await waited(() => null), { quiet: true, waitedMs: 10_000, othersPercent: null });
  });
});
