import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { startRedis } from '../../strategies/broker/own-redis.js';
import type { Member } from '../../strategies/strategy.js';
import { alive, until } from '../processes.js';
import { noRedis } from '../redis.js';

describe('own redis', { skip: noRedis() }, () => {
  it('answers on a private socket, keeps nothing, and leaves nothing', async () => {
    const redis = await startRedis({ maxMemoryMb: 8 });
    const client = new Redis(redis.url);
    const settings = async (name: string) => ((await client.config('GET', name)) as string[])[1];
    assert.equal(await client.ping(), 'PONG');
    assert.equal(await settings('port'), '0');
    assert.equal(await settings('save'), '');
    assert.equal(await settings('appendonly'), 'no');
    assert.equal(await settings('maxmemory-policy'), 'noeviction');
    assert.equal(await settings('maxmemory'), String(8 * 2 ** 20));
    const before = await redis.usage();
    for (let i = 0; i < 20; i++) await client.lpush('list', ...Array.from({ length: 1000 }, String));
    const after = await redis.usage();
    assert.equal(after.pid, redis.pid);
    const cpuUs = ({ cpuUserUs, cpuSystemUs }: Member) => cpuUserUs + cpuSystemUs; // the system divides it
    assert.ok(cpuUs(after) > cpuUs(before), `${cpuUs(after)} µs after ${cpuUs(before)}`);
    client.disconnect();
    const folder = dirname(redis.url);
    assert.ok(existsSync(folder));
    await redis.close();
    assert.ok(!alive(redis.pid));
    assert.ok(!existsSync(folder));
  });

  it('appends to a folder, and begins again with what that has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'a folder '));
    try {
      const first = await startRedis({ folder, append: true });
      const client = new Redis(first.url);
      await client.set('key', 'value');
      client.disconnect();
      await first.close();
      const second = await startRedis({ folder, append: true });
      const again = new Redis(second.url);
      assert.equal(await again.get('key'), 'value');
      again.disconnect();
      await second.close();
      assert.ok(existsSync(folder));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends when its owner is killed, and so does its folder', {
    skip: process.platform !== 'linux',
  }, async () => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', ownerProgram], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    const { pid, url } = JSON.parse(line) as { pid: number; url: string };
    assert.ok(alive(pid));
    owner.kill('SIGKILL');
    const folder = dirname(url);
    await until(() => !alive(pid) && !existsSync(folder));
  });

  it('says why it did not start', async () => {
    await assert.rejects(startRedis({ maxMemoryMb: -1 }), /redis-server ended with exit code 1: .+/);
  });
});

describe('own redis where no server is installed', () => {
  it('says what to install', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await assert.rejects(
        startRedis(),
        /redis-server, which is not installed: apt-get install redis-server/,
      );
    } finally {
      process.env.PATH = path;
    }
  });
});

const { href } = new URL('../../strategies/broker/own-redis.js', import.meta.url);
const ownerProgram = `
import { startRedis } from ${JSON.stringify(href)};
const { pid, url } = await startRedis();
console.log(JSON.stringify({ pid, url }));
setInterval(() => {}, 1000);
`;
