import { it } from 'node:test';
import { type OwnRedis, startRedis } from '../strategies/broker/own-redis.js';
import type { Strategy } from '../strategies/strategy.js';
import { noRedis } from './redis.js';

let redis: Promise<OwnRedis> | null = null;

/**
 * Lets all sessions of a test file use one Redis, which ends with the file's process, and one agent each:
 * that is quicker than a Redis and two agents. Without a Redis server there is no strategy, and a test that
 * is skipped says so.
 */
export function onSharedBroker(strategy: Strategy): Strategy[] {
  const reason = noRedis();
  if (reason !== false) {
    it(`${strategy.name} is NOT TESTED`, { skip: reason }, () => {});
    return [];
  }
  return [
    {
      ...strategy,
      async open(workload, options) {
        redis ??= startRedis();
        const { url } = await redis;
        return strategy.open(workload, { ...options, broker: { url, agents: 1, ...options.broker } });
      },
    },
  ];
}
