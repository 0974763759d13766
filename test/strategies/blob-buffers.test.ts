import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BlobBuffers } from '../../strategies/broker/blob-buffers.js';

it('buffers of batches are used again, each by one batch at a time', () => {
  const buffers = new BlobBuffers();
  const [first, second] = [buffers.take(10_000), buffers.take(9000)];
  assert.deepEqual([first.length, second.length], [10_000, 9000]);
  assert.notEqual(first.buffer, second.buffer);
  buffers.give(first);
  assert.equal(buffers.take(12_000).buffer, first.buffer);
  assert.notEqual(buffers.take(12_000).buffer, first.buffer);
});

it('buffers that are too small, or belong to a large document, are left to the collector', () => {
  const buffers = new BlobBuffers();
  const small = buffers.take(10);
  const large = buffers.take(100_000);
  buffers.give(small);
  assert.notEqual(buffers.take(100_000).buffer, small.buffer);
  buffers.give(large);
  assert.equal(buffers.take(10).buffer, large.buffer);
  const alone = buffers.take(5_000_000);
  buffers.give(alone);
  assert.notEqual(buffers.take(5_000_000).buffer, alone.buffer);
});
