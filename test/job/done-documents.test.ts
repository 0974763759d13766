import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DoneDocuments } from '../../bench/job/done-documents.js';
import { InProgress } from '../../bench/job/in-progress.js';
import type { Status } from '../../bench/job/line.js';

describe('the documents that have a line', () => {
  it('are remembered by their whole ids, with status and source', () => {
    const line = fc.record({
      id: fc.oneof(fc.string(), fc.stringMatching(/^(a|b|é|\/){0,4}$/)),
      status: fc.constantFrom<Status>('ok', 'failed', 'timed-out', 'crashed'),
      source: fc.option(fc.record({ size: fc.nat(), mtimeMs: fc.double({ noNaN: true }) })),
    });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.string()), (lines, others) => {
        const documents = new DoneDocuments();
        for (const line of lines) documents.add(line);
        const expected = new Map(lines.map((line) => [line.id, line]));
        assert.equal(documents.size, expected.size);
        for (const id of [...expected.keys(), ...others]) {
          const place = documents.find(id);
          const line = expected.get(id);
          assert.equal(place === null, line === undefined);
          if (place === null || line === undefined) continue;
          assert.equal(documents.stateAt(place), line.status);
          assert.deepEqual(documents.sourceAt(place), line.source && { ...line.source });
        }
      }),
    );
  });

  it('may be many, and each of them may be marked', () => {
    const documents = new DoneDocuments();
    const count = 20_000;
    for (let i = 0; i < count; i++) documents.add({ id: `inbox/${i}`, status: 'ok', source: null });
    for (let i = 0; i < count; i += 3) documents.markAgain(documents.find(`inbox/${i}`) as number);
    for (let i = 0; i < count; i++)
      assert.equal(documents.stateAt(documents.find(`inbox/${i}`) as number), i % 3 === 0 ? 'again' : 'ok');
    assert.equal(documents.find(`inbox/${count}`), null);
  });
});

it('documents in progress are taken by their index in any order, and the oldest are named', () => {
  const inProgress = new InProgress<{ readonly id: string }>();
  const running: number[] = [];
  for (let next = 0, step = 0; step < 20_000; step++) {
    if (running.length < 50 && step < 15_000) {
      inProgress.add({ id: `${next}` });
      running.push(next++);
    } else {
      const [index] = running.splice((step * 7919) % running.length, 1);
      if (index === undefined) break;
      assert.equal(inProgress.take(index).id, `${index}`);
      assert.throws(() => inProgress.take(index), /expected a document in progress/);
    }
    assert.deepEqual(inProgress.oldest(3), running.slice(0, 3).map(String));
  }
  assert.deepEqual(inProgress.oldest(3), []);
});
