import { after, before, describe, it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { workloads } from '../../workloads/index.js';
import { start } from '../../workloads/services/ollama.js';
import type { Service } from '../../workloads/services/service.js';
import { openable } from '../support.js';
import { sameOutcomes } from './conformance.js';

const strategies = await openable(entries);

describe('every strategy × every workload', () => {
  let service: Service;
  before(async () => {
    service = await start({ seed: 1, parallel: 8 });
  });
  after(() => service.close());

  for (const { name, url } of workloads) {
    it(name, async () => {
      const options = {
        service: service.address,
        model: 'm',
        repeatable: true,
        iterations: 1000,
        milliseconds: 2,
        width: 32,
      };
      await sameOutcomes({ name, url, options }, strategies.slice(1));
    });
  }
});
