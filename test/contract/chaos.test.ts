import { describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { deliveriesOfBytes } from '../../strategies/strategy.js';
import { onlyLong, openable } from '../support.js';
import { chaos } from './promises/chaos.js';

/**
 * This is the short form; `npm run test:chaos` does the same with 10,000 documents and 200 faults. `npm test`
 * has one strategy with threads and one with processes, and `npm run test:long` all of them.
 */
const loaded = await openable(entries);
const onLinux = process.platform === 'linux';
const few = ['self-scheduling', 'queue'];

describe('chaos', () => {
  for (const strategy of loaded.filter((strategy) => strategy.isolation !== 'none')) {
    for (const [i, delivery] of deliveriesOfBytes(strategy).entries()) {
      const skip = !onLinux || (!(few.includes(strategy.name) && i === 0) && onlyLong.skip);
      const options = { skip, timeout: 100_000 };
      it(`${strategy.name} (${delivery}): workers that end in every way lose nothing`, options, async () => {
        await chaos(strategy, {
          documents: 300,
          faults: 4,
          seed: Date.now() % 1e6,
          timeoutMs: 1000,
          delivery,
        });
      });
    }
  }
});
