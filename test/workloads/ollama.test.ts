import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { start } from '../../workloads/services/ollama.js';
import { generate } from '../../workloads/services/ollama-client.js';
import { contextWithoutSession, type Document } from '../../workloads/workload.js';

const ask = (address: string, prompt: string) =>
  fetch(`${address}/api/generate`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', prompt, stream: false }),
  });

async function withServer<T>(
  options: { seed: number; parallel: number; queue?: number },
  use: (address: string) => Promise<T>,
): Promise<T> {
  const service = await start(options);
  try {
    return await use(service.address);
  } finally {
    await service.close();
  }
}

describe('the language-model server', () => {
  const answer = (seed: number, prompt: string) =>
    withServer({ seed, parallel: 4 }, async (address) => (await ask(address, prompt)).json());

  it('answers as a function of seed and prompt', async () => {
    const prompt = '# Title here\n\nsome longer words follow here';
    const first = (await answer(1, prompt)) as { model: string; response: string; done: boolean };
    assert.deepEqual([first.model, first.done], ['m', true]);
    assert.equal(JSON.parse(first.response).title, 'Title here');
    assert.deepEqual(await answer(1, prompt), first);
    assert.notDeepEqual(await answer(2, prompt), first);
    assert.notDeepEqual(await answer(1, `${prompt} more`), first);
  });

  it('lets as many wait as its queue holds, and tells the others when to come again', async () => {
    await withServer({ seed: 1, parallel: 1, queue: 2 }, async (address) => {
      // On a busy machine they may come so far apart that all find room: then they come again.
      for (let told = 0; told === 0; ) {
        const replies = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(address, `prompt ${i}`)));
        for (const { status, headers } of replies)
          assert.equal(headers.get('retry-after'), status === 429 ? '1' : null);
        const ok = replies.filter(({ status }) => status === 200).length;
        told = replies.filter(({ status }) => status === 429).length;
        assert.ok(ok >= 3 && ok + told === 8, replies.map(({ status }) => status).join());
      }
    });
  });

  it('refuses what is not a request', async () => {
    await withServer({ seed: 1, parallel: 1 }, async (address) => {
      assert.equal((await fetch(`${address}/api/generate`, { method: 'POST', body: '{' })).status, 400);
      assert.equal(
        (await fetch(`${address}/api/generate`, { method: 'POST', body: '{"model":"m"}' })).status,
        400,
      );
      assert.equal((await fetch(`${address}/api/tags`)).status, 404);
    });
  });

  it('is asked again by the client after a 429', async () => {
    await withServer({ seed: 1, parallel: 1, queue: 0 }, async (service) => {
      const context = contextWithoutSession({
        state: undefined,
        options: { service, model: 'm' },
        signal: new AbortController().signal,
      });
      const document = (id: string): Document => ({
        index: 0,
        id,
        size: id.length,
        bytes: new TextEncoder().encode(id),
      });
      const answers = await Promise.all([
        generate(document('one'), context),
        generate(document('two'), context),
      ]);
      assert.deepEqual(
        answers.map(({ prompt }) => prompt),
        ['one', 'two'],
      );
    });
  });

  it('is not waited for by the client for more than ten minutes', { timeout: 20_000 }, async () => {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(429, { 'retry-after': '900' }).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const context = contextWithoutSession({
      state: undefined,
      options: { service: `http://127.0.0.1:${port}`, model: 'm' },
      signal: new AbortController().signal,
    });
    try {
      await assert.rejects(
        generate({ index: 0, id: 'one', size: 1, bytes: new Uint8Array(1) }, context),
        (error: Error) => {
          assert.match(error.message, /asks to wait for 15 minutes/);
          assert.equal((error as Error & { retryAfterMs: number }).retryAfterMs, 900_000);
          return true;
        },
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
