import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkTask } from './check-command.js';

it('check finds batches that change results, and values that do not travel', async () => {
  const { code, said } = await checkTask(
    'chain.mjs',
    `class Text { constructor(text) { this.text = text; } get length() { return this.text.length; } }
export const stages = [
  { name: 'load', kind: 'io', run: async ({ bytes }) => new Text(String(bytes)) },
  { name: 'count', kind: 'cpu', batch: { documents: 4 },
    run: (texts) => texts.map(({ length }) => length + texts.length) },
];`,
    { documents: 5 },
  );
  assert.equal(code, 3);
  const [changed, ...others] = said('batches');
  assert.match(changed ?? '', /^error: results change with the size of batches: "/);
  assert.deepEqual(others, []);
  assert.deepEqual(said('stage-values'), ['error: stage "load": result is an instance of Text']);
  assert.match(said('stages')[0] ?? '', /^note: 2 stages: load waits for \S+ ms; count computes for \S+ ms$/);
});

it('check finds nothing wrong with sound stages', async () => {
  const { code, said } = await checkTask(
    'sound.mjs',
    `export const stages = [
  { name: 'words', flatMap: true, run: ({ bytes }) => new TextDecoder().decode(bytes).trim().split(' ') },
  { name: 'length', batch: { documents: 3 },
    run: (words, contexts) => words.map(({ length }, i) => ({ length, key: contexts[i].key })) },
];`,
    { documents: 4 },
  );
  assert.equal(code, 0);
  assert.deepEqual([...said('batches'), ...said('stage-values')], []);
  assert.match(
    said('stages')[0] ?? '',
    /words computes for \S+ ms; length computes for \S+ ms, 5 values per/,
  );
});

it('check says nothing about the costs of stages where every document fails', async () => {
  const { said } = await checkTask(
    'fails.mjs',
    `export const stages = [
  { name: 'load', run: () => { throw new Error('no page'); } },
  { name: 'count', run: (text) => text.length },
];`,
    { documents: 3 },
  );
  assert.deepEqual(said('stages'), ['note: not tried: no document was ok']);
});
