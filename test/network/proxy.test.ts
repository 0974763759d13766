import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { type NetworkProxy, startProxy } from '../../bench/network/proxy.js';

const localhost = { host: '127.0.0.1', port: 0 };
const proxies: NetworkProxy[] = [];
const clients: Socket[] = [];
/** Sends back what it gets. */
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});

after(async () => {
  for (const client of clients) client.destroy();
  for (const proxy of proxies) await proxy.close();
  echo.close();
});

describe('proxy', () => {
  it('delays by half the round trip in each direction, and keeps bytes and their order', async () => {
    for (const rttMs of [0, 8]) {
      const { client } = await connected(rttMs);
      const sent = Buffer.alloc(300_000, 'abcdefg');
      const startedMs = performance.now();
      assert.equal(await answerOf(client), 'hello');
      assert.ok(performance.now() - startedMs >= rttMs);
      const parts: Buffer[] = [];
      client.on('data', (part) => parts.push(part));
      client.end(sent);
      await once(client, 'end');
      assert.ok(Buffer.concat(parts).equals(sent), `${Buffer.concat(parts).length} bytes`);
    }
  });

  it('ends connections when it is cut, and carries again when it is joined', async () => {
    const { proxy, client } = await connected(1);
    client.write('held when the cut comes');
    const closed = once(client, 'close');
    proxy.cut();
    await closed;
    const refused = connectTo(proxy);
    await once(refused, 'close');
    proxy.join();
    assert.equal(await answerOf(connectTo(proxy)), 'hello');
  });

  it('keeps connections when it is silent, and loses nothing', async () => {
    const { proxy, client } = await connected(0);
    assert.equal(await answerOf(client), 'hello');
    proxy.silence();
    client.write('1');
    client.write('2');
    let isSilent = true;
    const answer = once(client, 'data').then(([data]) => {
      assert.equal(isSilent, false);
      return String(data);
    });
    await new Promise((resolve) => setTimeout(resolve, 20)); // an answer that comes in this time is a fault
    isSilent = false;
    proxy.join();
    assert.match(await answer, /^12?$/);
  });
});

async function connected(rttMs: number) {
  if (!echo.listening) await once(echo.listen(localhost), 'listening');
  const proxy = await startProxy({ listen: localhost, target: echo.address() as never, rttMs });
  proxies.push(proxy);
  return { proxy, client: connectTo(proxy) };
}

function connectTo({ url }: NetworkProxy): Socket {
  const { hostname, port } = new URL(url);
  const client = connect({ host: hostname, port: Number(port) });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

async function answerOf(client: Socket): Promise<string> {
  client.write('hello');
  const [data] = (await once(client, 'data')) as [Buffer];
  return data.toString();
}
