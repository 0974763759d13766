import assert from 'node:assert/strict';
import { it } from 'node:test';
import { coldText } from '../../bench/words/cold.js';

it('trials that were too short to warm up are named with what the task needs', () => {
  const text = (warmup?: { needed_ms: number; given_ms: number }) =>
    coldText({ workload: 'parse', ...(warmup && { warmup }) } as never);
  assert.match(
    text({ needed_ms: 2400, given_ms: 460 }) ?? '',
    /0\.46 s of work, and parse needs about 2\.4 s/,
  );
  assert.equal(text({ needed_ms: 2400, given_ms: 2400 }), null);
  assert.equal(text({ needed_ms: 2400, given_ms: 2000 }), null, 'nearly as much');
  assert.equal(text(), null, 'the usual one is enough, or it is not known');
});
