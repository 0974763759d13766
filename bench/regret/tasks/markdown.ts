import { marked } from 'marked';
import type { Document } from '../../../workloads/workload.js';

/** Renders Markdown to HTML: much code, which engines need a long time to compile. */
export default function markdown({ bytes }: Document): { characters: number; headings: number } {
  const html = marked.parse(new TextDecoder().decode(bytes), { async: false });
  return { characters: html.length, headings: html.match(/<h[1-6]/g)?.length ?? 0 };
}
