import { describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { deliveriesOfBytes } from '../../strategies/strategy.js';
import { openable } from '../support.js';
import { chaos } from './chaos.js';

/** This is the short form; `npm run test:chaos` does the same with 10,000 documents and 200 faults. */
const loaded = await openable(entries);
const onLinux = { skip: process.platform !== 'linux', timeout: 100_000 };

describe('chaos', () => {
  for (const strategy of loaded.filter((strategy) => strategy.isolation !== 'none')) {
    for (const delivery of deliveriesOfBytes(strategy)) {
      it(`${strategy.name} (${delivery}): workers that end in every way lose nothing`, onLinux, async () => {
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
