import assert from 'node:assert/strict';
import { it } from 'node:test';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import type { Strategy } from '../../strategies/strategy.js';

it('an entry says that it needs a broker if, and only if, its documents run on other machines', async () => {
  for (const { name, url, needsBroker = false } of [...strategies, ...peers]) {
    const { default: strategy } = (await import(url)) as { default: Strategy };
    assert.equal(strategy.name, name);
    assert.equal(needsBroker, strategy.isolation === 'machine', name);
  }
});
