/**
 * A server that answers a POSTed document with its result: PORT=8080 node examples/http-server.mjs Tasks run
 * in workers, so the event loop stays free. When too many requests are in progress, further ones get 503 at
 * once, because a queue would only make every answer late. SIGTERM drains.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRunner } from 'forkwise';

const maxBytes = 10 * 2 ** 20;
const timeoutMs = 10_000;
const runner = await createRunner({
  task: new URL('./tasks/words.mjs', import.meta.url),
  strategy: 'thread-pool', // this one answers each document as soon as it is done
  workers: 2,
  timeoutMs,
});
/** Each worker runs one document and has two more waiting: the last one waits for about two tasks. */
const maxInProgress = Number(process.env.MAX_IN_PROGRESS ?? 3 * runner.stats().workers);
let inProgress = 0;
let draining = false;

const server = createServer(async (request, response) => {
  if (request.url === '/health') return answer(response, draining ? 503 : 200, { draining });
  if (request.method !== 'POST') return answer(response, 405, { error: 'expected POST' });
  if (draining || inProgress >= maxInProgress) {
    response.setHeader('Retry-After', '1');
    return answer(response, 503, { error: 'too many requests are in progress; try again' });
  }
  inProgress++;
  try {
    const bytes = await bodyOf(request);
    // Every request needs an id of its own: after a document has ended two workers, its id is refused.
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
    inProgress--;
  }
});

async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBytes)
      throw Object.assign(new Error(`expected at most ${maxBytes} bytes`), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response, status, body) {
  if (draining) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/**
 * New requests get 503, those in progress their answers. This takes as long as the longest task, or
 * `timeoutMs`.
 */
process.once('SIGTERM', async () => {
  draining = true;
  server.close();
  await runner.drain();
});

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`listening on ${server.address().port}`));
