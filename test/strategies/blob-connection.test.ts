import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { BlobConnection } from '../../strategies/broker/blob-connection.js';
import { NoBroker } from '../../strategies/broker/engine.js';
import { startRedis } from '../../strategies/broker/own-redis.js';
import { whenWritable } from '../../strategies/broker/redis.js';
import { noRedis, testRedis } from '../redis.js';

const keepMs = 60_000;

/** Bytes that differ from place to place. */
function someBytes(length: number, seed = 0): Buffer {
  const value = Buffer.alloc(length);
  for (let i = 0; i < length; i++) value[i] = (i * 31 + (i >> 8) + seed) & 0xff;
  return value;
}

/** Runs with a server and a connection to it, which both end. */
async function withConnection(
  server: Server,
  options: RedisOptions,
  run: (connection: BlobConnection) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = new BlobConnection({ host: '127.0.0.1', port, ...options });
  try {
    await run(connection);
  } finally {
    connection.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('the connection for the documents of batches', { skip: noRedis() }, () => {
  const redis = testRedis();
  beforeEach(() => redis.inspect.flushall());

  /** Cuts the first connection when this many bytes have gone in this direction. */
  function cutting(direction: 'to Redis' | 'from Redis', bytes: number): { server: Server; count: number } {
    const proxy = { server: createServer(), count: 0 };
    proxy.server.on('connection', (client) => {
      const upstream = connect(redis.url);
      let left = proxy.count++ === 0 ? bytes : Number.POSITIVE_INFINITY;
      for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
        from.on('data', (part: Buffer) => {
          const counts = (from === client) === (direction === 'to Redis');
          to.write(counts && left < part.length ? part.subarray(0, left) : part);
          if (counts) left -= part.length;
          if (left < 0) client.destroy();
        });
        from.on('error', () => {});
        from.on('close', () => to.end());
      }
    });
    return proxy;
  }

  it('carries values of all sizes, in the order of the requests', async () => {
    const connection = new BlobConnection({ path: redis.url });
    const values = [0, 1, 100, 16_381, 16_382, 16_383, 300_000, 5_000_000].map(someBytes);
    await Promise.all(values.map((value, i) => connection.set(`key ${i}`, value, keepMs)));
    assert.ok((await redis.inspect.pttl('key 0')) > keepMs / 2);
    const found = await Promise.all(values.map((_, i) => connection.get(`key ${i}`)));
    for (const [i, value] of values.entries()) assert.ok(value.equals(found[i] as Buffer), `value ${i}`);
    assert.equal(await connection.get('none'), null);
    for (const value of found) connection.give(value as Buffer);
    const [first, second] = await Promise.all([connection.get('key 6'), connection.get('key 6')]);
    assert.ok(first?.equals(second as Buffer) && first.buffer !== second?.buffer);
    connection.close();
    await assert.rejects(connection.get('key 0'), /closed/);
  });

  for (const bytes of [500, 200_000])
    it(`sends a value again that was cut off after ${bytes} bytes`, async () => {
      const proxy = cutting('to Redis', bytes);
      await withConnection(proxy.server, {}, async (connection) => {
        const values = [someBytes(400_000, 1), someBytes(10, 2)];
        await Promise.all(values.map((value, i) => connection.set(`key ${i}`, value, keepMs)));
        assert.ok(values[0]?.equals((await redis.inspect.getBuffer('key 0')) as Buffer));
        assert.ok(values[1]?.equals((await redis.inspect.getBuffer('key 1')) as Buffer));
        assert.equal(proxy.count, 2);
      });
    });

  for (const bytes of [3, 12, 200_000])
    it(`fetches a value again that was cut off after ${bytes} bytes`, async () => {
      const proxy = cutting('from Redis', bytes);
      const values = [someBytes(400_000, 3), someBytes(20_000, 4)];
      for (const [i, value] of values.entries()) await redis.inspect.set(`key ${i}`, value);
      await withConnection(proxy.server, {}, async (connection) => {
        const found = await Promise.all(values.map((_, i) => connection.get(`key ${i}`)));
        for (const [i, value] of values.entries()) assert.ok(value.equals(found[i] as Buffer), `value ${i}`);
        assert.equal(proxy.count, 2);
      });
    });

  it('connects again when a connection was lost that nothing waited for', async () => {
    const connection = new BlobConnection({ path: redis.url });
    await connection.set('key', someBytes(10), keepMs);
    await redis.inspect.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    assert.ok(someBytes(10).equals((await connection.get('key')) as Buffer));
    connection.close();
  });

  it('rejects with the error of a full broker, and writes when that has room', async () => {
    const connection = new BlobConnection({ path: redis.url });
    const value = someBytes(3_000_000);
    await redis.inspect.config('SET', 'maxmemory', '8mb');
    for (let i = 0; i < 3; i++) await connection.set(`key ${i}`, value, keepMs).catch(() => {});
    await assert.rejects(connection.set('key 3', value, keepMs), /^Error: OOM /);
    let written = false;
    const writing = whenWritable(() => connection.set('key 3', value, keepMs)).then(() => {
      written = true;
    });
    await connection.get('none');
    assert.ok(!written);
    await redis.inspect.flushall();
    await writing;
    assert.ok(value.equals((await redis.inspect.getBuffer('key 3')) as Buffer));
    await redis.inspect.config('SET', 'maxmemory', '0');
    connection.close();
  });

  it('greets with user, password and database, and says what Redis refuses', async () => {
    const own = await startRedis();
    const admin = new Redis(own.url);
    await admin.call('ACL', 'SETUSER', 'someone', 'on', '>a secret', '~*', '+@all');
    const options = { path: own.url, username: 'someone', password: 'a secret' };
    const connection = new BlobConnection({ ...options, db: 3 });
    await connection.set('key', someBytes(10), keepMs);
    await admin.select(3);
    assert.ok(someBytes(10).equals((await admin.getBuffer('key')) as Buffer));
    const wrong = new BlobConnection({ ...options, password: 'another' });
    await Promise.all([
      assert.rejects(wrong.get('key'), NoBroker),
      assert.rejects(wrong.set('key', someBytes(100_000), keepMs), /WRONGPASS/),
    ]);
    await admin.config('SET', 'requirepass', 'another');
    await assert.rejects(new BlobConnection({ path: own.url }).get('key'), /NOAUTH/);
    connection.close();
    admin.disconnect();
    await own.close();
  });

  it('works over TLS', { skip: noOpenssl() }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkwise-tls-'));
    try {
      const [keyFile, certFile] = [join(folder, 'key'), join(folder, 'cert')];
      const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile, ...names], {
        stdio: 'ignore',
      });
      const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)];
      const server = createTlsServer({ key, cert }, (client) => {
        const upstream = connect(redis.url);
        client.pipe(upstream).pipe(client);
        client.on('error', () => upstream.destroy());
      });
      await withConnection(server, { tls: { ca: cert } }, async (connection) => {
        const value = someBytes(1_000_000);
        await connection.set('key', value, keepMs);
        const found = await Promise.all([
          connection.get('key'),
          connection.get('none'),
          connection.get('key'),
        ]);
        assert.ok(value.equals(found[0] as Buffer) && value.equals(found[2] as Buffer));
        assert.equal(found[1], null);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('waits for the answers before it ends', async () => {
    const connection = new BlobConnection({ path: redis.url });
    await connection.get('key');
    const writing = connection.set('key', someBytes(1_000_000), keepMs);
    await Promise.all([writing, connection.end()]);
    assert.equal(await redis.inspect.strlen('key'), 1_000_000);
  });
});

describe('the connection for the documents of batches, beside another server', () => {
  it('waits for a Redis that loads its data', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      const loads = connections++ < 2;
      socket.on('data', () =>
        socket.write(loads ? '-LOADING Redis is loading\r\n' : '+PONG\r\n$2\r\nab\r\n'),
      );
    });
    await withConnection(server, {}, async (connection) => {
      assert.equal(String(await connection.get('key')), 'ab');
      assert.equal(connections, 3);
    });
  });

  it('says what it got instead of an answer of Redis', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await withConnection(server, {}, (connection) =>
      assert.rejects(connection.get('key'), /expected an answer of Redis, got "HTTP\/1.1 400 Bad Request"/),
    );
  });

  it('rejects what waits when it is closed, and leaves no connection', async () => {
    const ended: Promise<unknown>[] = [];
    const server = createServer((socket) => {
      ended.push(once(socket, 'close'));
      socket.once('data', () => socket.write('+PONG\r\n$500000\r\nthe beginning of a value'));
    });
    await withConnection(server, {}, async (connection) => {
      const requests = [connection.get('key'), connection.set('key', someBytes(1_000_000), keepMs)];
      while (ended.length === 0) await new Promise(setImmediate);
      const [reading, writing] = requests as [Promise<unknown>, Promise<unknown>];
      connection.close();
      await assert.rejects(reading, /closed/);
      await assert.rejects(writing, /closed/);
      await Promise.all(ended);
    });
  });

  it('stops trying to connect when it is closed', async () => {
    const connection = new BlobConnection({ path: join(tmpdir(), 'there is no such socket') });
    const reading = connection.get('key');
    setTimeout(() => connection.close(), 30); // between two attempts
    await assert.rejects(reading, /closed/);
  });
});

function noOpenssl(): string | false {
  return spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';
}
