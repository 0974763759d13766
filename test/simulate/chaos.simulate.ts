import { it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { chaos } from '../contract/promises/chaos.js';
import { openable } from '../support.js';

/** `npm run test:chaos`: some minutes a strategy. FORKWISE_SEED repeats one. */
const seed = Number(process.env.FORKWISE_SEED ?? Date.now() % 1e6);
const loaded = await openable(entries);

for (const strategy of loaded.filter((strategy) => strategy.isolation !== 'none')) {
  it(`${strategy.name}: 10,000 documents and 200 faults, seed ${seed}`, { timeout: 1_800_000 }, async () => {
    const startedMs = performance.now();
    const { faults, hit } = await chaos(strategy, { documents: 10_000, faults: 200, seed, timeoutMs: 400 });
    const words = Object.entries(faults).map(([kind, count]) => `${count} × ${kind}`);
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    console.log(`${strategy.name}: ${words.join(', ')}; ${hit} innocent documents hit; ${seconds} s`);
  });
}
