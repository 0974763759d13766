import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Rows } from '../../agent/rows.js';
import { SentBatch } from '../../strategies/broker/batches.js';
import type { Outcome } from '../../strategies/strategy.js';

const documents = ['a', 'b', 'c', 'd'].map((id, place) => ({ index: 10 + place, id, pulledMs: 0 }));
const times = { queuedMs: null, taskMs: 2 };
const error = { name: 'Error', message: 'no such page' } as const;

it('outcomes are the same at the caller as they were at the agent, in columns and in two messages', () => {
  const outcomes: readonly Outcome[] = [
    { index: 10, id: 'a', worker: 'w1', ...times, status: 'ok', value: { words: 3 } },
    { index: 11, id: 'b', worker: 'w2', ...times, status: 'failed', error, size: 70 },
    { index: 12, id: 'c', worker: 'w1', ...times, status: 'ok', value: null, size: 0, mtimeMs: 5, tries: 2 },
    { index: 13, id: 'd', worker: null, ...times, taskMs: null, status: 'crashed', error },
  ];
  const rows = new Rows();
  const sent = new SentBatch(documents, new Uint8Array());
  const take = (from: number, to: number) => {
    for (let place = from; place < to; place++) rows.add(outcomes[place] as Outcome, place);
    return sent.outcomes('agent', rows.take());
  };
  const [first, second] = [take(0, 2), take(2, 4)];
  const named = outcomes.map((one) => ({ ...one, worker: one.worker && `agent/${one.worker}` }));
  assert.deepEqual([...first, ...second], named);
});
