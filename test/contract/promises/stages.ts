import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome, Strategy } from '../../../strategies/strategy.js';
import { documentsOf, fixture, longWithSameWorker, outcomesOf, withSession } from '../../support.js';

const value = (...sizes: number[]) => sizes.map((size) => ({ size, state: true }));
const bad = (stage: string) => ({
  name: 'StageError',
  message: `stage "${stage}": bad throw@${stage}`,
  code: 'E_BAD',
  data: { stage, document: `throw@${stage}` },
  cause: 'bad throw',
});
const unreadable = (stage: string) => ({
  name: 'StageError',
  message: `stage "${stage}": it threw a value that cannot be shown`,
  data: { stage, document: `revoked@${stage}` },
  cause: '[object O',
});
const unlisted = {
  name: 'StageError',
  message: 'stage "size": no list',
  data: { stage: 'size', document: 'unlisted@size' },
  cause: 'no list',
};
const late = (stage: string) => ({
  name: 'TimeoutError',
  message: `stage "${stage}": the stage was still running after 200 ms`,
  data: { stage, document: `hang@${stage}` },
});

/** Every strategy has these outcomes, whether a stage has workers of its own or not. */
const expected: Readonly<Record<string, unknown>> = {
  '3': value(10, 11, 12),
  'throw@read': bad('read'),
  'revoked@read': unreadable('read'),
  'hang@read': late('read'),
  one: value(10),
  'throw@size': bad('size'),
  'revoked@size': unreadable('size'),
  'unlisted@size': unlisted,
  'hang@size': late('size'),
  '4': value(10, 11, 12, 13),
};

/** Other documents are ok. */
const statuses: Readonly<Record<string, Outcome['status']>> = {
  throw: 'failed',
  revoked: 'failed',
  unlisted: 'failed',
  hang: 'timed-out',
};

/** Tests that a task with stages has the same outcomes in a strategy as in all others. */
export function describeStages(strategy: Strategy): void {
  describe(`${strategy.name}: stages`, () => {
    it('give each document its own outcome, which names the stage', async () => {
      const ids = Object.keys(expected);
      const outcomes = await withSession(strategy, fixture('stages/chain-task'), { workers: 1 }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      assert.deepEqual(Object.fromEntries(outcomes.map((outcome) => [outcome.id, plain(outcome)])), expected);
      assert.deepEqual(
        outcomes.map(({ id, status }) => `${id} ${status}`),
        ids.map((id) => `${id} ${statuses[id.slice(0, id.indexOf('@'))] ?? 'ok'}`),
      );
    });

    it(
      'are tried again when one of them fails for a reason that may go away',
      longWithSameWorker(strategy),
      async () => {
        // Some strategies run their tasks in this process, which remembers which documents were busy.
        const ids = ['read', 'size'].map((stage) => `busy${unique}@${stage}`);
        unique++;
        const retry = { attempts: 2, budget: 2, firstMs: 5 };
        const task = fixture('stages/chain-task');
        await withSession(strategy, task, { workers: 1, retry }, async (session) => {
          // Alone: a batch that fails runs again one by one, whatever the reason.
          for (const id of ids) {
            const [outcome] = await outcomesOf(session, documentsOf([id]), 1);
            assert.deepEqual([outcome?.tries, (outcome?.waitedMs ?? 0) > 0], [2, true], id);
            assert.deepEqual(plain(outcome as Outcome), value(10));
          }
        });
      },
    );
  });
}

let unique = 0;

/** The value, or the error without its stack. */
function plain(outcome: Outcome): unknown {
  if (outcome.status === 'ok') return outcome.value;
  const { name, message, code, data, cause } = outcome.error;
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    data,
    ...(cause !== undefined && { cause: cause.message.slice(0, 'bad throw'.length) }),
  };
}
