import { Marked } from 'marked';
import type { Document, Kind, Views } from '../workload.js';

export const kind: Kind = 'cpu';
/** The task decodes the bytes at once and keeps none of them. */
export const views: Views = 'shared';

const decoder = new TextDecoder();
const markdown = new Marked({ gfm: true });

interface Page {
  html: string;
  headings: { depth: number; text: string }[];
  links: { href: string; text: string }[];
}

/** Renders GitHub-flavoured Markdown to HTML and lists its headings and links in document order. */
export default function renderMarkdown(document: Document): Page {
  const tokens = markdown.lexer(decoder.decode(document.bytes));
  const page: Page = { html: '', headings: [], links: [] };
  markdown.walkTokens(tokens, (token) => {
    if (token.type === 'heading') page.headings.push({ depth: token.depth, text: token.text });
    if (token.type === 'link') page.links.push({ href: token.href, text: token.text });
  });
  page.html = markdown.parser(tokens);
  return page;
}
