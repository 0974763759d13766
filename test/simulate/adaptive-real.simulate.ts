import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Figures } from './adaptive-real/measure.js';

/**
 * `npm run test:adaptive-real`: an adaptive runner beside fixed numbers of documents at the same time, on
 * real tasks. All have their turns in each round. Then a neighbour takes a core, and a quota is halved where
 * this process may make a cgroup. It prints rates with 95 % intervals. It needs a quiet machine.
 *
 * FORKWISE_SHARE=0.1 measures for a tenth of the time, and judges no rate.
 */
const judges = Number(process.env.FORKWISE_SHARE ?? 1) >= 1;

for (const [task, name] of ['wait', 'llm-extract', 'wait-and-hash', 'word-frequency'].entries())
  it(`${name}: as fast as the best fixed number`, { timeout: 600_000 }, async () => {
    const ofBest = (await measured(String(task)))?.ofBest as number;
    assert.ok(ofBest >= 0.97 || !judges, `${ofBest} of the best fixed number`);
  });

for (const [what, name] of [
  ['neighbour-comes', 'a neighbour that takes a core, and its end'],
  ['quota', 'a quota that is halved, and its end'],
] as const)
  it(name, { timeout: 300_000 }, async (t) => {
    const figures = await measured(what);
    if (figures === null) t.skip('this process may make no cgroup for CPU time');
    else
      for (const [when, share] of Object.entries(figures))
        assert.ok(share >= 0.9 || !judges, `${when}: ${share} of the rate at the right number`);
  });

it('following costs at most a hundredth of a core', { timeout: 300_000 }, async () => {
  const { ownCores, lowCores } = (await measured('cost')) as Figures;
  assert.ok((ownCores as number) <= 0.01, `${ownCores} of a core`);
  assert.ok((lowCores as number) <= 0.01, `at least ${lowCores} of a core`);
});

/** Measures in another process. */
async function measured(what: string): Promise<Figures | null> {
  const child = fork(fileURLToPath(new URL('./adaptive-real/measure.js', import.meta.url)), [what]);
  const ended = once(child, 'exit');
  let figures: Figures | null | undefined;
  child.on('message', (message) => {
    figures = message as Figures | null;
  });
  await ended;
  if (figures === undefined) throw new Error(`the measurement of ${what} ended without a figure`);
  return figures;
}
