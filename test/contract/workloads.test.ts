import { after, before, describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import type { Strategy } from '../../strategies/strategy.js';
import { workloads } from '../../workloads/index.js';
import { start } from '../../workloads/services/ollama.js';
import type { Service } from '../../workloads/services/service.js';
import { longWithSameWorker, onlyLong, openable } from '../support.js';
import { sameOutcomes } from './promises/same-outcomes.js';

const strategies = await openable(entries);
/** Every strategy runs these: a task that computes, and one that waits for a service. */
const everywhere = ['word-frequency', 'llm-extract'];
/** The outcomes of the first are a basic promise: `npm test` has it for strategies made of parts, too. */
const [basic] = everywhere;
/** The others run on the main thread, in threads and in processes. */
const oneOfEachIsolation = strategies
  .slice(1)
  .filter(
    ({ isolation }, i, all) =>
      isolation !== 'machine' && all.findIndex((one) => one.isolation === isolation) === i,
  );

function groupsOf(name: string) {
  if (!everywhere.includes(name)) return [{ tried: oneOfEachIsolation, when: {} }];
  const all = strategies.slice(1);
  if (name === basic) return [{ tried: all, when: {} }];
  const isLong = (strategy: Strategy) => longWithSameWorker(strategy).skip !== false;
  return [
    { tried: all.filter((strategy) => !isLong(strategy)), when: {} },
    { tried: all.filter(isLong), when: onlyLong },
  ].filter(({ tried }) => tried.length > 0);
}

describe('workloads', () => {
  let service: Service;
  before(async () => {
    service = await start({ seed: 1, parallel: 8 });
  });
  after(() => service.close());

  for (const { name, url } of workloads) {
    for (const { tried, when } of groupsOf(name))
      it(`${name} with ${tried.map(({ name }) => name).join(', ')}`, when, async () => {
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
