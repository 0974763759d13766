import { createHash } from 'node:crypto';
import { generate, repeatable } from '../services/ollama-client.js';
import type { Context, Document, Kind } from '../workload.js';

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

/** The answers of a real model vary, so its digest has only the request, and that there was an answer. */
export function digest(extraction: Extraction): string {
  const { prompt_sha256, repeatable, response } = extraction;
  return `${prompt_sha256} ${repeatable ? response : typeof response}`;
}
