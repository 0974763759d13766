import type { DocumentKind } from './documents.js';

/** A task that advice is judged by; neither `pick` nor the rule that chooses was developed with it. */
export interface RegretTask {
  readonly name: string;
  readonly about: string;
  readonly files: number;
  readonly documents: DocumentKind;
}

export const tasks: readonly RegretTask[] = [
  { name: 'count-lines', about: 'microseconds of computing', files: 300, documents: 10_000 },
  { name: 'parse-numbers', about: 'small documents and results', files: 300, documents: 1_000 },
  { name: 'words', about: 'strings, a map, garbage', files: 200, documents: 30_000 },
  { name: 'brotli', about: 'expensive computing in native code', files: 100, documents: 100_000 },
  { name: 'gzip-async', about: 'computing on Node’s own threads', files: 150, documents: 50_000 },
  { name: 'wait', about: 'nothing but waiting', files: 200, documents: 2_000 },
  { name: 'wait-and-hash', about: 'half waiting, half computing', files: 150, documents: 10_000 },
  { name: 'large-results', about: 'results thirty times their documents', files: 200, documents: 8_000 },
  { name: 'skewed', about: 'sizes over three orders of magnitude', files: 200, documents: 'skewed' },
  { name: 'wait-by-size', about: 'waiting in proportion to size, skewed', files: 150, documents: 'skewed' },
  { name: 'html', about: 'parsing pages (parse5)', files: 200, documents: 'pages' },
  { name: 'markdown', about: 'rendering Markdown (marked): slow to warm up', files: 200, documents: 20_000 },
  { name: 'image', about: 'decoding pictures (pngjs)', files: 150, documents: 'pictures' },
  { name: 'archive', about: 'unpacking archives (fflate)', files: 150, documents: 'archives' },
  { name: 'spreadsheet', about: 'reading workbooks (fast-xml-parser)', files: 150, documents: 'workbooks' },
  { name: 'outlier', about: 'one document with two fifths of the work', files: 400, documents: 'outlier' },
  { name: 'hidden-cost', about: 'costs that sizes do not show', files: 300, documents: 20_000 },
];

export function moduleOf({ name }: RegretTask): URL {
  return new URL(`./tasks/${name}.js`, import.meta.url);
}
