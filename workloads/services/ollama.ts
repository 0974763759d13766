import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type EnforcedLimit, type Enforcement, Enforcer, violations } from './enforcer.js';
import type { Service, ServiceLog } from './service.js';

export interface OllamaOptions {
  readonly seed: number;
  /** The server answers this many requests at once. More wait, as with `OLLAMA_NUM_PARALLEL`. */
  readonly parallel: number;
  /** This many requests may wait. More get a 429. The default is that of Ollama's `OLLAMA_MAX_QUEUE`, 512. */
  readonly queue?: number;
  /** More requests than this get a 429. Absent: there is no limit. */
  readonly limits?: readonly EnforcedLimit[];
  /** How limits are enforced. Absent: in sliding windows. */
  readonly enforcement?: Enforcement;
  /** Headers that say what is left of the first limit. Absent: none do. */
  readonly dialect?: 'openai' | 'anthropic';
  /** This share of the requests gets a 500, from `fromMs` to `toMs` after the start. Absent: none. */
  readonly errors?: { readonly share: number; readonly fromMs: number; readonly toMs: number };
  /** The median latency, ms. Absent: 20. */
  readonly medianMs?: number;
}

/** Latency is log-normal, with a median of 20 ms and a standard deviation of 0.5 of its logarithm. */
const latency = { medianMs: 20, logSigma: 0.5 };

/**
 * Starts an Ollama-compatible server on an ephemeral loopback port. Latency and answer depend on seed and
 * prompt only, so that every strategy waits equally long and reads the same.
 */
export async function start(options: Readonly<Record<string, unknown>>): Promise<Service> {
  const given = options as unknown as OllamaOptions;
  const { parallel, queue = 512, limits = [], enforcement = 'sliding' } = given;
  const slots = new Slots(parallel, queue);
  const enforcer = new Enforcer(limits, enforcement);
  const startedMs = nowMs();
  const server = createServer((request, response) => {
    if (request.url === '/log') return sendLog(request, response, { enforcer, limits });
    answer(request, response, { ...given, slots, enforcer, startedMs }).catch((error: unknown) =>
      response.destroy(error as Error),
    );
  });
  // Idle connections must survive the pauses between passes. A reset during a run would look like a failure.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  server: OllamaOptions & { readonly slots: Slots; readonly enforcer: Enforcer; readonly startedMs: number },
): Promise<void> {
  const { slots, enforcer, seed, errors, medianMs = latency.medianMs } = server;
  if (request.method !== 'POST' || request.url !== '/api/generate')
    return send(response, 404, { error: 'not found' });
  const arrivedMs = nowMs();
  const refused = enforcer.arrive(arrivedMs);
  writeBudget(response, server, arrivedMs);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const parsed = parse(Buffer.concat(chunks).toString());
  if (parsed === null)
    return send(response, 400, { error: 'expected JSON with "model" and "prompt" strings' });

  if (refused !== null) {
    response.setHeader('retry-after', String(Math.ceil(refused.retryMs) / 1000));
    return send(response, 429, { error: 'too many requests' });
  }
  const sinceMs = arrivedMs - server.startedMs;
  const mayFail = errors !== undefined && sinceMs >= errors.fromMs && sinceMs < errors.toMs;
  if (mayFail && Math.random() < errors.share) return send(response, 500, { error: 'something went wrong' });
  const slot = slots.take();
  if (slot === null) {
    response.setHeader('retry-after', '1');
    return send(response, 429, { error: 'server busy, please try again' });
  }
  await slot;
  try {
    const random = fractions(`${seed} ${parsed.prompt}`);
    await setTimeout(
      medianMs * Math.exp(latency.logSigma * normal(random[0] as number, random[1] as number)),
    );
    send(response, 200, { model: parsed.model, response: extract(parsed.prompt, random), done: true });
  } finally {
    slots.release();
  }
}

function sendLog(
  request: IncomingMessage,
  response: ServerResponse,
  { enforcer, limits }: { readonly enforcer: Enforcer; readonly limits: readonly EnforcedLimit[] },
): void {
  const { arrivals, refusals } = enforcer;
  const over = limits.reduce((sum, limit) => sum + violations(arrivals, limit), 0);
  if (request.method === 'POST') enforcer.reset();
  send(response, 200, { arrivals, refusals, violations: over } satisfies ServiceLog);
}

/** Says in the headers of a provider what is left of the first limit. */
function writeBudget(
  response: ServerResponse,
  { dialect, enforcer }: Pick<OllamaOptions, 'dialect'> & { readonly enforcer: Enforcer },
  atMs: number,
): void {
  const budget = dialect === undefined ? null : enforcer.budget(atMs);
  if (budget === null) return;
  const { max, remaining, resetMs } = budget;
  if (dialect === 'openai') {
    response.setHeader('x-ratelimit-limit-requests', max);
    response.setHeader('x-ratelimit-remaining-requests', remaining);
    response.setHeader('x-ratelimit-reset-requests', `${Math.ceil(resetMs)}ms`);
  } else {
    response.setHeader('anthropic-ratelimit-requests-limit', max);
    response.setHeader('anthropic-ratelimit-requests-remaining', remaining);
    response.setHeader('anthropic-ratelimit-requests-reset', new Date(Date.now() + resetMs).toISOString());
  }
}

/** Milliseconds on the machine's monotonic clock. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function parse(body: string): { model: string; prompt: string } | null {
  try {
    const { model, prompt } = JSON.parse(body) as Record<string, unknown>;
    return typeof model === 'string' && typeof prompt === 'string' ? { model, prompt } : null;
  } catch {
    return null;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Returns what a model might say: the document's first heading and five of its words, chosen by the seed. */
function extract(prompt: string, random: number[]): string {
  const words = prompt.match(/\p{L}{4,}/gu) ?? ['nothing'];
  const keywords = random.slice(2).map((fraction) => words[Math.floor(fraction * words.length)]);
  return JSON.stringify({ title: /^# (.*)/m.exec(prompt)?.[1] ?? words[0], keywords });
}

/** Derives seven numbers in (0, 1) from the text. */
function fractions(text: string): number[] {
  const hash = createHash('sha256').update(text).digest();
  return Array.from({ length: 7 }, (_, i) => (hash.readUInt32LE(4 * i) + 0.5) / 2 ** 32);
}

/** Turns two uniform numbers into one standard normal number, by Box and Muller's transform. */
function normal(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}

/** This counting semaphore has a bounded queue and serves requests in the order in which they arrive. */
class Slots {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots;
    this.#maxWaiting = maxWaiting;
  }

  /** Resolves when a slot is free. The result is null when the queue is full. */
  take(): Promise<void> | null {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxWaiting) return null;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
