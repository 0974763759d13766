/**
 * POST a document, get its result: PORT=8080 node examples/http-server.mjs
 * The event loop stays free, for tasks run in workers. When too much is under way, further requests get 503 at once
 * instead of a place in a queue that only grows. SIGTERM drains.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRunner } from 'forkwise';

const mostBytes = 10 * 2 ** 20;
const timeoutMs = 10_000;
const runner = await createRunner({
  task: new URL('./tasks/words.mjs', import.meta.url),
  strategy: 'thread-pool', // answers each document as soon as it is done
  workers: 2,
  timeoutMs,
});
/** Two that each worker has behind the one in its hands: the last waits for about two tasks. */
const mostUnderWay = Number(process.env.MOST_UNDER_WAY ?? 3 * runner.stats().workers);
let underWay = 0;
let draining = false;

const server = createServer(async (request, response) => {
  if (request.url === '/health') return answer(response, draining ? 503 : 200, { draining });
  if (request.method !== 'POST') return answer(response, 405, { error: 'expected POST' });
  if (draining || underWay >= mostUnderWay) {
    response.setHeader('Retry-After', '1');
    return answer(response, 503, { error: 'too much is under way; try again' });
  }
  underWay++;
  try {
    const bytes = await bodyOf(request);
    // An id of its own each: a document that has ended two workers is not run again under its id.
    const outcome = await runner.run({ id: randomUUID(), bytes });
    if (outcome.status === 'ok') answer(response, 200, outcome.value);
    else
      answer(response, outcome.status === 'timed-out' ? 504 : 422, {
        status: outcome.status,
        error: outcome.error.message,
      });
  } catch (error) {
    answer(response, error.name === 'RunnerClosedError' ? 503 : (error.status ?? 500), {
      error: error.message,
    });
  } finally {
    underWay--;
  }
});

async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > mostBytes)
      throw Object.assign(new Error(`expected at most ${mostBytes} bytes`), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response, status, body) {
  if (draining) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** New requests get 503, those under way their answers. It takes as long as the longest task, or `timeoutMs`. */
process.once('SIGTERM', async () => {
  draining = true;
  server.close();
  await runner.drain();
});

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`listening on ${server.address().port}`));
