import { spawnSync } from 'node:child_process';
import { after, before } from 'node:test';
import { Redis } from 'ioredis';
import { type OwnRedis, startRedis } from '../strategies/broker/own-redis.js';

/** Says why tests that need a Redis server are skipped; false where they run. */
export function noRedis(): string | false {
  const { status } = spawnSync('redis-server', ['--version']);
  return status === 0 ? false : 'redis-server is not installed: apt-get install redis-server';
}

/** A Redis server that runs for the tests of one `describe`, and a client that looks into it. */
export interface TestRedis {
  readonly url: string;
  readonly inspect: Redis;
}

/** Starts a Redis server before the tests of this `describe`, and ends it after them. */
export function testRedis(): TestRedis {
  let own: OwnRedis;
  let inspect: Redis;
  before(async () => {
    own = await startRedis();
    inspect = new Redis(own.url);
  });
  after(async () => {
    inspect.disconnect();
    await own.close();
  });
  return {
    get url() {
      return own.url;
    },
    get inspect() {
      return inspect;
    },
  };
}
