import { generate, repeatable } from '../services/ollama-client.js';
import type { Context, Document, Kind } from '../workload.js';

export const kind: Kind = 'mixed';

const decoder = new TextDecoder();

interface Section {
  title: string;
  words: number;
  links: number;
  numbers_sum: number;
}

interface Enriched {
  label: string;
  repeatable: boolean;
  sections: Section[];
}

/** Looks the document up over HTTP, then parses it into sections and aggregates each. */
export default async function enrich(document: Document, context: Context): Promise<Enriched> {
  const { response } = await generate(document, context);
  const text = decoder.decode(document.bytes);
  const sections = text.split(/^(?=#{1,6} )/m).map(aggregate);
  return { label: response, repeatable: repeatable(context), sections };
}

/** The answers of a real model vary, so its digest has only the aggregates. */
export function digest({ label, repeatable, sections }: Enriched): string {
  return JSON.stringify(repeatable ? [label, sections] : sections);
}

function aggregate(section: string): Section {
  const title = /^#{1,6} (.*)/.exec(section)?.[1] ?? '';
  let numbers_sum = 0;
  for (const number of section.match(/\b\d+\b/g) ?? []) numbers_sum += Number(number);
  return {
    title,
    words: section.match(/\p{L}+/gu)?.length ?? 0,
    links: section.match(/\]\(/g)?.length ?? 0,
    numbers_sum,
  };
}
