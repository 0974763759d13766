import { setTimeout } from 'node:timers/promises';
import type { Context, Document } from '../workload.js';

/** The client side of an Ollama-compatible `/api/generate`, shared by the workloads that ask one. */

export interface Answer {
  readonly prompt: string;
  readonly response: string;
}

const promptBytes = 2_000;
const decoder = new TextDecoder();

/**
 * Sends the first 2,000 bytes of the document and reads the answer. A 429 is retried after the seconds its
 * `Retry-After` names, as often as it comes.
 * @throws Error when the server answers anything else but 200, or when `context.signal` aborts.
 */
export async function generate(document: Document, context: Context): Promise<Answer> {
  const { service, model } = context.options as { service: string; model: string };
  // Copied first: the bytes may be a view of shared memory, and a multi-byte character may be cut at the end.
  const prompt = decoder.decode(document.bytes.slice(0, promptBytes));
  const body = JSON.stringify({ model, prompt, stream: false });
  for (;;) {
    const reply = await fetch(new URL('/api/generate', service), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: context.signal,
    });
    if (reply.status === 429) {
      await reply.arrayBuffer();
      await setTimeout(1000 * Number(reply.headers.get('retry-after') ?? 1), undefined, {
        signal: context.signal,
      });
      continue;
    }
    if (reply.status !== 200)
      throw new Error(`POST ${reply.url}: expected 200, got ${reply.status} ${await reply.text()}`);
    const { response } = (await reply.json()) as { response: string };
    if (typeof response !== 'string')
      throw new Error(`POST ${reply.url}: expected a "response" string in the answer`);
    return { prompt, response };
  }
}

/** Whether answers are functions of seed and document (our own server) or vary (a real model). */
export function repeatable(context: Context): boolean {
  return context.options.repeatable === true;
}
