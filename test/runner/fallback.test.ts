import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomeDigest } from '../../bench/trials/digest.js';
import { type Fallback, type Outcome, openStrategy } from '../../index.js';
import { fixture } from '../support.js';
import { collect, document, withRunner } from './puppet.js';

const task = new URL(fixture('service-task').url);
const asked = ['plain', 'broken', 'broken2'].map((id) => document(id));

async function outcomesWith(fallback: Fallback): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await withRunner({ task, strategy: 'thread-pool', fallback }, async (runner) => {
    outcomes.push(...(await collect(runner.process(asked, { ordered: true }))));
    const single = await runner.run(document('broken3'));
    assert.equal(single.status === 'ok' && single.fallback, true);
    const { ok, failed } = runner.stats().outcomes;
    assert.deepEqual([ok, failed], [4, 0], 'a fallback counts as ok');
  });
  return outcomes;
}

describe('the fallback of a runner', () => {
  it('is a value of its own for each document that fails', async () => {
    const outcomes = await outcomesWith({ value: { title: null } });
    const [plain, first, second] = outcomes;
    assert.ok(plain?.status === 'ok' && plain.fallback === undefined && plain.error === undefined);
    assert.ok(first?.status === 'ok' && second?.status === 'ok');
    assert.deepEqual(first.value, { title: null });
    assert.notEqual(first.value, second.value, 'a change of one value changes no other');
    assert.equal(first.error?.message, 'not worth another try');
  });

  it('may be a function, and a document for which it throws has failed with its own error', async () => {
    const outcomes: Outcome[] = [];
    const fallback: Fallback = ({ message }, { id, index }) => {
      if (id === 'broken2') throw new Error('no value');
      return [id, index, message];
    };
    await withRunner({ task, strategy: 'queue', fallback }, async (runner) => {
      outcomes.push(...(await collect(runner.process(asked, { ordered: true }))));
    });
    const [, first, second] = outcomes;
    assert.deepEqual(first?.status === 'ok' && first.value, ['broken', 1, 'not worth another try']);
    assert.ok(second?.status === 'failed');
    assert.equal(second.error.message, 'not worth another try');
    assert.equal(second.error.cause?.message, 'no value');
  });

  it('counts as a failure where results are compared', async () => {
    const session = await openStrategy('async', fixture('service-task'), { fallback: { value: 1 } });
    const outcomes: Outcome[] = [];
    const bytes = new Uint8Array(1);
    await session.run([{ index: 0, id: 'broken', size: 1, bytes }], (outcome) => void outcomes.push(outcome));
    await session.close();
    assert.deepEqual(
      outcomes.map((outcome) => outcomeDigest(outcome, {})),
      ['failed'],
    );
  });
});
