import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { runStages } from '../../bench/trials/stage-costs.js';
import type { LoadedWorkload } from '../../workloads/load-workload.js';
import { composed } from '../../workloads/stages/composed.js';
import type { Stage } from '../../workloads/stages/stages.js';

const ref = { name: 'test', url: '', options: {} };
const documents = ['a b', 'c', 'bad d'].map((text, index) => {
  const bytes = new TextEncoder().encode(text);
  return { index, id: text, size: bytes.length, bytes };
});
const task = (stages: readonly Stage[]): LoadedWorkload => ({ ...composed(stages), stages });

const split: Stage = {
  name: 'split',
  flatMap: true,
  run: (document) =>
    Buffer.from((document as { bytes: Uint8Array }).bytes)
      .toString()
      .split(' '),
};
const calls: number[] = [];
const encode: Stage = {
  name: 'encode',
  batch: { documents: 3 },
  async run(values: string[]) {
    calls.push(values.length);
    await wait(5);
    if (values.includes('bad')) throw new Error('bad word');
    return values.map((value) => value.toUpperCase());
  },
};

it('shows what stages cost, and gives the same results in batches and one by one', async () => {
  const together = await runStages(task([split, encode]), { ref, documents });
  assert.deepEqual(calls.splice(0), [3, 2, 1, 1]);
  const alone = await runStages(task([split, encode]), { ref, documents, alone: true });
  assert.deepEqual(calls.splice(0), [1, 1, 1, 1, 1]);
  assert.equal(together.digests.length, 3);
  assert.deepEqual(together.digests, alone.digests);
  assert.equal(together.digests[2], 'failed');
  const [first, second] = alone.costs;
  assert.deepEqual([first?.name, first?.ratio], ['split', 1]);
  assert.equal(second?.ratio, 5 / 3);
  assert.notEqual(second?.kind, 'cpu'); // a busy machine makes it mixed
  // Delays by other processes are taken off, and they may fall into the wait.
  assert.ok((second?.serviceMs ?? 0) > 0);
});

it('shows that a batch changes results', async () => {
  const mixed: Stage = { ...encode, run: (values: string[]) => values.map(() => values.join()) };
  const [together, alone] = [
    await runStages(task([split, mixed]), { ref, documents }),
    await runStages(task([split, mixed]), { ref, documents, alone: true }),
  ];
  assert.notDeepEqual(together.digests, alone.digests);
});
