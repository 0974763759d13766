import { createHash } from 'node:crypto';
import { generate, repeatable } from './services/ollama-client.js';
import type { Context, Document, Kind } from './workload.js';

export const kind: Kind = 'io';

interface Extraction {
  prompt_sha256: string;
  response: string;
  repeatable: boolean;
}

/** Asks the language model about the beginning of the document and returns what it answers. */
export default async function llmExtract(document: Document, context: Context): Promise<Extraction> {
  const { prompt, response } = await generate(document, context);
  return {
    prompt_sha256: createHash('sha256').update(prompt).digest('hex'),
    response,
    repeatable: repeatable(context),
  };
}

/** A real model's answers vary, so there only the request and that it was answered count. */
export function digest(extraction: Extraction): string {
  return `${extraction.prompt_sha256} ${extraction.repeatable ? extraction.response : typeof extraction.response}`;
}
