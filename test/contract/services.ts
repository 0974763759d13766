import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenOptions, Outcome, Strategy } from '../../strategies/strategy.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

/** This tests what a strategy's tasks have for the services that they call. */
export function describeServices(strategy: Strategy): void {
  describe(`${strategy.name}: services`, () => {
    const keysOf = (ids: readonly string[], options: Partial<OpenOptions> = {}) =>
      withSession(strategy, fixture('odd-task'), options, async (session) =>
        (await outcomesOf(session, documentsOf(ids), ids.length)).map(result),
      );

    it('gives a document a key of its own, which is the same in another session of the run', async () => {
      const ids = ['key1', 'key2', 'key33'];
      const keys = await keysOf(ids, { runId: 'run 7' });
      assert.deepEqual(await keysOf([...ids].reverse(), { runId: 'run 7' }), [...keys].reverse());
      assert.equal(new Set(keys).size, ids.length);
      for (const key of keys) assert.match(String(key), /^run%207-[\w.-]+$/);
    });
  });
}

function result(outcome: Outcome): unknown {
  return outcome.status === 'ok' ? outcome.value : outcome;
}
