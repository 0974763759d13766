/**
 * A server that answers a POSTed document with its result: PORT=8080 node examples/http-server.mjs
 * RECOMMENDATION=recommendation.json runs what `forkwise pick` has recommended, and P99_MS is the time within
 * which 99 of 100 accepted documents shall be answered. Further documents get 503 at once, because a queue
 * would only make every answer late. docs/http-server.md derives their number. Needs prom-client.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRunner, readRecommendation } from 'forkwise';
import { collectMetrics } from 'forkwise/prom-client';
import { Counter, Gauge, Registry } from 'prom-client';

const { PORT = '8080', RECOMMENDATION, P99_MS = '1000' } = process.env;
const maxBodyBytes = 10 * 2 ** 20;
const bodiesBytes = 2 ** 30; // all bodies together may take this memory
const timeoutMs = 10_000; // a task that runs longer is ended, and so is an upload
const codeOf = { failed: 422, 'timed-out': 504, crashed: 500 };

const measured =
  RECOMMENDATION === undefined
    ? null
    : readRecommendation(JSON.parse(await readFile(RECOMMENDATION, 'utf8')));
const runner = await createRunner({
  ...(measured ?? {
    task: new URL('./tasks/words.mjs', import.meta.url),
    strategy: 'thread-pool',
    workers: 2,
  }),
  timeoutMs: measured?.timeoutMs ?? timeoutMs,
});
const { workers } = runner.stats();
/** Documents per second that the workers are known to keep up; null where nothing was measured. */
const rate = measured && (measured.expected.low ?? measured.expected.documentsPerSecond);
const maxUnderWay = Math.min(roomInTime(), Math.floor(bodiesBytes / (3 * maxBodyBytes)));
/** Seconds until the documents of a full house are done. */
const retryAfter = String(rate === null ? 1 : Math.ceil(maxUnderWay / rate));

/** Promises of the documents that are accepted and not yet answered. */
const underWay = new Set();
let draining = false;

const register = new Registry();
collectMetrics(runner, { register });
const answers = new Counter({
  name: 'http_answers_total',
  help: 'Answers to posted documents by status code',
  labelNames: ['code'],
  registers: [register],
});
new Gauge({
  name: 'http_documents_under_way',
  help: 'Accepted documents that have no answer yet',
  registers: [register],
  collect() {
    this.set(underWay.size);
  },
});

const server = createServer(
  // A request on a connection that the server closes at the same moment is lost: load balancers close theirs
  // after a minute, so the server waits longer.
  { requestTimeout: timeoutMs, connectionsCheckingInterval: 1000, keepAliveTimeout: 65_000 },
  async (request, response) => {
    if (request.url === '/health')
      return answer(response, draining ? 503 : 200, { draining, underWay: underWay.size, maxUnderWay });
    if (request.url === '/metrics')
      return response.setHeader('Content-Type', register.contentType).end(await register.metrics());
    if (request.method !== 'POST') return answer(response, 405, { error: 'expected POST' });
    if (draining || underWay.size >= maxUnderWay) return refuse(response);
    const work = run(request, response);
    underWay.add(work);
    await work;
    underWay.delete(work);
  },
);

/**
 * The limit on documents under way, from the time that they take: by Little's law it is rate × time, where
 * the mean time is half of the promised 99th percentile.
 */
function roomInTime() {
  if (rate === null) return 3 * workers; // each worker runs one, and two wait for it
  const room = Math.floor((rate * Number(P99_MS)) / 1000 / 2);
  if (room >= workers) return room;
  const least = Math.ceil((2 * workers * 1000) / rate);
  throw new RangeError(
    `expected P99_MS of at least ${least} for ${rate} documents per second, got ${P99_MS}`,
  );
}

function refuse(response) {
  response.setHeader('Retry-After', retryAfter);
  answered(response, 503, { error: draining ? 'the server stops' : 'too many documents are under way' });
}

/** Resolves when the answer is sent, or the client has left. */
async function run(request, response) {
  const over = new AbortController(); // a document whose client has left makes room for others
  const closed = new Promise((resolve) => {
    const end = () => {
      request.socket.off('close', end);
      over.abort();
      resolve();
    };
    response.once('close', end);
    request.socket.once('close', end); // with pipelining, later responses have no event of their own
  });
  try {
    const bytes = await bodyOf(request);
    // Every request needs an id of its own: after a document has ended two workers, its id is refused.
    const outcome = await runner.run({ id: randomUUID(), bytes }, { signal: over.signal });
    const { status } = outcome;
    if (status === 'ok') answered(response, 200, outcome.value);
    else answered(response, codeOf[status], { status, error: outcome.error.message });
  } catch (error) {
    if (error.name === 'RunnerClosedError') draining = true; // its workers cannot start: /health says so
    if (!over.signal.aborted) answered(response, error.status ?? 500, { error: error.message });
  }
  await closed;
}

async function bodyOf(request) {
  const chunks = [];
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge();
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge() {
  return Object.assign(new Error(`expected at most ${maxBodyBytes} bytes`), { status: 413 });
}

/** Answers a document, and counts the answer. */
function answered(response, code, body) {
  response.setTimeout(timeoutMs); // a client that does not read its answer loses its connection
  answer(response, code, body);
  answers.inc({ code });
}

function answer(response, code, body) {
  const text = JSON.stringify(body) ?? 'null'; // it throws for values that JSON does not have
  if (draining) response.setHeader('Connection', 'close');
  response.writeHead(code, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.write(text);
  // The answer is sent at once, although the body may still arrive. Its rest is read and dropped: a
  // connection that closes with unread data is reset, and the client could miss the answer.
  const { req: request } = response;
  if (request.complete) response.end();
  else request.on('end', () => response.end()).resume();
}

/**
 * New documents get 503 and those under way their answers. Only then the server closes, because `close` cuts
 * off answers that are still being sent. The process ends by itself, as it has nothing more to do.
 */
process.once('SIGTERM', async () => {
  draining = true;
  await Promise.all(underWay);
  server.close();
  setTimeout(() => server.closeAllConnections(), 1000).unref(); // requests that have not arrived in full
  await runner.drain();
});

server.listen(Number(PORT), () => {
  console.log(`listening on ${server.address().port}, up to ${maxUnderWay} documents under way`);
});
