import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessagePort } from 'node:worker_threads';
import pipeline from '../../strategies/pipeline/pipeline.js';
import type { RunMessage, ToStage } from '../../strategies/pipeline/protocol.js';
import { Stage } from '../../strategies/pipeline/stage.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

const maxValues = 64;
const maxBytes = 2 ** 20;

/** Returns the messages with values that this thread sends meanwhile. */
async function messagesOf(run: () => Promise<unknown>): Promise<RunMessage[]> {
  const sent: RunMessage[] = [];
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (message: ToStage, ...rest: never[]) {
    if (message?.kind === 'run') sent.push(message);
    Reflect.apply(postMessage, this, [message, ...rest]);
  };
  try {
    await run();
  } finally {
    MessagePort.prototype.postMessage = postMessage;
  }
  return sent;
}

describe('the messages of a pipeline', () => {
  for (const { size, bytes } of [
    { size: 100, bytes: 0 },
    { size: 300_000, bytes: 0 },
    { size: 100, bytes: 200_000 },
  ])
    it(`are bounded, for documents of ${size} bytes and results of ${bytes}`, async () => {
      const ids = Array.from({ length: bytes + size > 1000 ? 60 : 600 }, (_, i) => `d${i}`);
      const sent = await messagesOf(() =>
        withSession(pipeline, fixture('stages/steps-task', { bytes }), { workers: 3 }, (session) =>
          outcomesOf(session, documentsOf(ids, size), ids.length),
        ),
      );
      for (const stage of [0, 1, 2]) {
        const counts = sent.filter((message) => message.stage === stage).map(({ ids }) => ids.length);
        const total = counts.reduce((sum, count) => sum + count, 0);
        assert.equal(total, ids.length, `stage ${stage}`);
        // The first stage alone gets the bytes of documents.
        const larger = stage === 0 ? Math.max(size, bytes) : bytes;
        const max = Math.max(...counts);
        assert.ok(max <= maxValues, `stage ${stage}: ${max} values in a message`);
        assert.ok(max === 1 || max * larger <= maxBytes, `stage ${stage}: ${max} values of ${larger} bytes`);
      }
    });

  it('carry as much as is allowed where calls are short, and one value where they are long', () => {
    const maxOf = ({ busyMs, bytes, resultBytes }: Record<'busyMs' | 'bytes' | 'resultBytes', number>) => {
      const description = {
        name: 'any',
        isolation: 'thread',
        batch: null,
        timeoutMs: null,
        flatMap: false,
      } as const;
      const stage = new Stage(0, description, undefined);
      assert.equal(stage.maxValues, 1, 'nothing is known of the stage');
      stage.learn({ count: 1, busyMs, bytes, resultBytes });
      return stage.maxValues;
    };
    assert.equal(maxOf({ busyMs: 0.001, bytes: 10, resultBytes: 10 }), maxValues);
    assert.equal(maxOf({ busyMs: 0.001, bytes: 10, resultBytes: maxBytes / 8 }), 8);
    assert.equal(maxOf({ busyMs: 0.001, bytes: maxBytes / 8, resultBytes: 10 }), 8);
    assert.equal(maxOf({ busyMs: 0.001, bytes: 2 * maxBytes, resultBytes: 10 }), 1);
    assert.equal(maxOf({ busyMs: 100, bytes: 10, resultBytes: 10 }), 1);
  });
});
