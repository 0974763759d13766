import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BlobBuffers } from '../../strategies/broker/blob-buffers.js';
import { type Reply, ReplyReader } from '../../strategies/broker/reply-reader.js';

/** Feeds a stream of bytes as a socket does: into the reader's space, at most `step` bytes at a time. */
function read(stream: Buffer, step: number): Reply[] {
  const replies: Reply[] = [];
  const buffers = new BlobBuffers();
  const reader = new ReplyReader(buffers, (reply) => {
    // The memory of a value is used again, so that a value that is read into twice would differ.
    replies.push(reply instanceof Buffer ? Buffer.from(reply) : reply);
    if (reply instanceof Buffer) buffers.give(reply);
  });
  for (let at = 0; at < stream.length; ) {
    const { space } = reader;
    const count = Math.min(step, space.length, stream.length - at);
    space.set(stream.subarray(at, at + count));
    at += count;
    reader.read(count);
  }
  return replies;
}

it('answers are the same however a socket divides them', () => {
  const values = [0, 1, 2, 100, 16_370, 16_384, 70_000].map((length) =>
    Buffer.from(Array.from({ length }, (_, i) => (i % 7 === 0 ? 13 : 10 + (i % 251)))),
  );
  const stream = Buffer.concat([
    Buffer.from('+OK\r\n-OOM no memory\r\n:12\r\n$-1\r\n'),
    ...values.flatMap((value) => [Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n+é\r\n')]),
  ]);
  for (const step of [1, 2, 3, 7, 1000, 16_384, 65_536, stream.length]) {
    const [ok, error, number, nothing, ...rest] = read(stream, step);
    assert.deepEqual([ok, (error as Error).message, number, nothing], ['OK', 'OOM no memory', '12', null]);
    assert.deepEqual(rest.length, 2 * values.length);
    for (const [i, value] of values.entries()) {
      assert.ok(value.equals(rest[2 * i] as Buffer), `${value.length} bytes in steps of ${step}`);
      assert.equal(rest[2 * i + 1], 'é');
    }
  }
});

it('something that is no answer is an error', () => {
  assert.throws(() => read(Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 100), /got "HTTP\/1.1 400/);
  assert.throws(() => read(Buffer.from('*1\r\n'), 100), /expected an answer of Redis, got "\*1"/);
  assert.throws(() => read(Buffer.alloc(20_000, '+'), 1000), /a line of more than 16384 bytes/);
});
