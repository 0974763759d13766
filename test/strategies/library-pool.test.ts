import assert from 'node:assert/strict';
import { it } from 'node:test';
import processPool from '../../strategies/library-pool/process-pool.js';
import threadPool from '../../strategies/library-pool/thread-pool.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

for (const strategy of [threadPool, processPool]) {
  it(`${strategy.name} opens with a time limit that is shorter than the start of a worker`, async () => {
    await withSession(strategy, fixture('queue-task'), { timeoutMs: 5 }, async (session) => {
      assert.equal((await session.members()).engines.length, 2);
      await outcomesOf(session, documentsOf(['plain', 'plain', 'plain']), 3);
    });
  });
}
