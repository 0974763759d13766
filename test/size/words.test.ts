import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type SizeResult, sizeRows, sizeText } from '../../bench/size/words.js';

const measured = { baseBytes: 100e6, workerBytes: 1e9, documents: 16, failed: 0 };
const result: SizeResult = {
  task: 'parse',
  cores: 8,
  waits: false,
  memoryBytes: 6e9,
  isGiven: false,
  grows: null,
  workers: [{ kind: 'process', ...measured }],
};
const counts = (given: SizeResult) =>
  sizeRows(given).map(({ memoryBytes, capacity }) => [memoryBytes / 1e9, capacity.workers, capacity.bound]);

it('says how many workers are safe, and which limit binds', () => {
  assert.deepEqual(counts(result), [
    [6, 4, 'memory'],
    [4, 3, 'memory'],
    [8, 6, 'memory'],
    [16, 8, 'cores'],
    [64, 8, 'cores'],
    [256, 8, 'cores'],
  ]);
  const text = sizeText(result);
  assert.match(text, /^parse: a worker process takes 1,000 MB \(16 calls\), and its caller 100 MB$/m);
  assert.match(text, /^process {2}6 GB \(here\) {2}4 {13}memory: there are 8 cores$/m);
  assert.match(text, /^process {2}16 GB {8}8 {13}cores: memory would do for 12$/m);
});

it('says which memory was given, in a unit that it fills', () => {
  const text = sizeText({ ...result, memoryBytes: 64e6, isGiven: true });
  assert.match(text, /^process {2}64 MB \(given\) {2}0 /m);
  assert.doesNotMatch(text, /\(here\)/);
});

it('counts one document and one core as one', () => {
  const one = { kind: 'process', ...measured, documents: 1 } as const;
  const text = sizeText({ ...result, cores: 1, workers: [one] });
  assert.match(text, / takes 1,000 MB \(1 call\), /);
  assert.match(text, /, at most 1 core$/m);
});

it('does not limit the workers of a task that waits by cores', () => {
  assert.deepEqual(counts({ ...result, waits: true }).at(-1), [256, 204, 'memory']);
});

it('promises nothing where memory grows without an end', () => {
  const growing = { ...result, grows: 'memory grows by 300 KB per document' };
  assert.deepEqual(sizeRows(growing), []);
  assert.match(sizeText(growing), /^No number of workers is safe: memory grows by 300 KB per document\.$/m);
  assert.doesNotMatch(sizeText(growing), /here/);
});
