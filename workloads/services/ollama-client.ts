import { setTimeout } from 'node:timers/promises';
import type { Context, Document } from '../workload.js';

/**
 * This is the client of an Ollama-compatible `/api/generate`. The workloads that ask a language model share
 * it.
 */

export interface Answer {
  readonly prompt: string;
  readonly response: string;
}

const promptBytes = 2_000;
/** No document waits longer than this for the server, ms. */
const maxWaitMs = 10 * 60_000;
const decoder = new TextDecoder();

/**
 * Sends the first 2,000 bytes of the document and reads the answer, within the session's limits. After every
 * 429 it waits for the seconds in `Retry-After` and tries again.
 * @throws Error when the server answers with another status than 200, asks for a wait of more than ten
 * minutes, or when `context.signal` aborts
 */
export async function generate(
  document: Document,
  context: Pick<Context, 'options' | 'signal' | 'key' | 'limit'>,
): Promise<Answer> {
  const { service, model } = context.options as { service: string; model: string };
  // `slice` copies, because the bytes may be a view of shared memory. The last character may be cut in two.
  const prompt = decoder.decode(document.bytes.slice(0, promptBytes));
  const body = JSON.stringify({ model, prompt, stream: false });
  for (;;) {
    await context.limit.acquire();
    const reply = await fetch(new URL('/api/generate', service), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': context.key },
      body,
      signal: context.signal,
    });
    context.limit.report(reply);
    if (reply.status === 429) {
      await reply.arrayBuffer();
      const askedMs = 1000 * Number(reply.headers.get('retry-after') ?? 1);
      if (askedMs > maxWaitMs)
        throw Object.assign(new Error(`POST ${reply.url}: it asks to wait for ${askedMs / 60_000} minutes`), {
          status: reply.status,
          retryAfterMs: askedMs,
        });
      // A date is no number. The session's limits know what it says.
      await setTimeout(askedMs >= 0 ? askedMs : 1000, undefined, { signal: context.signal });
      continue;
    }
    if (reply.status !== 200)
      throw Object.assign(
        new Error(`POST ${reply.url}: expected 200, got ${reply.status} ${await reply.text()}`),
        {
          status: reply.status,
          retryable: reply.status >= 500,
        },
      );
    const { response } = (await reply.json()) as { response: string };
    if (typeof response !== 'string')
      throw new Error(`POST ${reply.url}: expected a "response" string in the answer`);
    return { prompt, response };
  }
}

/**
 * True for our own server, whose answers depend on seed and document only. The answers of a real model vary.
 */
export function repeatable(context: Context): boolean {
  return context.options.repeatable === true;
}
