import { spawnSync } from 'node:child_process';

/** Says why tests that need a Redis server are skipped; false where they run. */
export function noRedis(): string | false {
  const { status } = spawnSync('redis-server', ['--version']);
  return status === 0 ? false : 'redis-server is not installed: apt-get install redis-server';
}
