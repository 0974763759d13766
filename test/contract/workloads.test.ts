import { after, before, describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { workloads } from '../../workloads/index.js';
import { start } from '../../workloads/services/ollama.js';
import type { Service } from '../../workloads/services/service.js';
import { openable } from '../support.js';
import { sameOutcomes } from './promises/same-outcomes.js';

const strategies = await openable(entries);
/** Every strategy runs these: a task that computes, and one that waits for a service. */
const everywhere = ['word-frequency', 'llm-extract'];
/** The others run on the main thread, in threads and in processes. */
const oneOfEachIsolation = strategies
  .slice(1)
  .filter(
    ({ isolation }, i, all) =>
      isolation !== 'machine' && all.findIndex((one) => one.isolation === isolation) === i,
  );

describe('workloads', () => {
  let service: Service;
  before(async () => {
    service = await start({ seed: 1, parallel: 8 });
  });
  after(() => service.close());

  for (const { name, url } of workloads) {
    const tried = everywhere.includes(name) ? strategies.slice(1) : oneOfEachIsolation;
    it(`${name} with ${tried.map(({ name }) => name).join(', ')}`, async () => {
      const options = {
        service: service.address,
        model: 'm',
        repeatable: true,
        iterations: 1000,
        milliseconds: 2,
        width: 32,
      };
      await sameOutcomes({ name, url, options }, tried);
    });
  }
});
