import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BesideOptions, costBeside } from '../../bench/pick/cost-beside.js';
import type { TaskOracle } from '../../bench/pick/oracle.js';
import type { InFlightFound } from '../../bench/trials/in-flight-cost.js';
import { loaded, waiting } from './support.js';

const usual: BesideOptions = {
  file: {} as BesideOptions['file'],
  kind: 'io',
  alone: waiting,
  failedShare: 0,
  strategies: loaded,
  maxCalls: null,
  longestMs: 5000,
};
const found: InFlightFound = { cost: { cpuMs: 0.05, loopMs: 0.3 }, calls: 100, failed: 0 };

async function beside(options: Partial<BesideOptions>, answer: () => InFlightFound = () => found) {
  const asked: { inFlight: number; strategy: string; timeMs: number }[] = [];
  const oracle = {
    async inFlightCost(_: unknown, request: (typeof asked)[number]) {
      asked.push(request);
      return answer();
    },
  } as unknown as TaskOracle;
  return { cost: await costBeside(oracle, { ...usual, ...options }), asked };
}

describe('the cost of a document beside others', () => {
  it('counts where it is less than that of a document alone', async () => {
    const { cost, asked } = await beside({});
    assert.deepEqual(cost, { cpuMs: 0.05, loopMs: waiting.loopMs });
    const [request] = asked;
    const strategy = loaded.find(({ url }) => url === request?.strategy)?.strategy;
    assert.equal(strategy?.concurrency, 'in flight');
    assert.ok((request?.inFlight ?? 0) > 1);
  });

  it('is not measured for tasks that compute, with counted calls, or in too short a time', async () => {
    for (const options of [{ kind: 'cpu' }, { maxCalls: 1000 }, { longestMs: 100 }, { strategies: [] }]) {
      const { cost, asked } = await beside(options as Partial<BesideOptions>);
      assert.equal(cost, null);
      assert.equal(asked.length, 0);
    }
  });

  it('does not count where more documents fail than alone', async () => {
    const failing = () => ({ ...found, failed: 30 });
    assert.equal((await beside({ failedShare: 0.1 }, failing)).cost, null);
    assert.notEqual((await beside({ failedShare: 0.2 }, failing)).cost, null);
    assert.equal((await beside({}, () => ({ ...found, cost: null }))).cost, null);
  });

  it('does not count where the task ended its process; other errors are thrown', async () => {
    const throwing = (name: string) => () => {
      throw Object.assign(new Error(name), { name });
    };
    assert.equal((await beside({}, throwing('HelperDied'))).cost, null);
    await assert.rejects(beside({}, throwing('TypeError')), /TypeError/);
  });
});
