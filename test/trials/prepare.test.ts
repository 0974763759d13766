import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { Lab } from '../arrivals/lab.js';

const lab = new Lab();
after(() => lab.end());

it('a run knows how long a task takes to warm up, and what its documents cost after that', async () => {
  const task = new URL('../fixtures/tasks/slow-to-warm-task.js', import.meta.url).href;
  const { corpus } = await lab.cell({ task, strategy: 'self-scheduling', workers: 2 });
  assert.ok((corpus.neededWarmupMs ?? 0) >= 800, `${corpus.neededWarmupMs} ms`);
  const waits = await lab.cell({ task: 'sleep', strategy: 'self-scheduling', workers: 2, documents: 4 });
  assert.equal(waits.corpus.neededWarmupMs, undefined);
});
