import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { syntheticCorpus } from '../../workloads/synthetic.js';

/** A task that `pick` is judged by; it was not developed with it. */
export interface RegretTask {
  readonly name: string;
  readonly about: string;
  readonly files: number;
  /** Size of a file, bytes; `skewed` means 1 KB to 1 MB, and most of them are small. */
  readonly size: number | 'skewed';
}

export const tasks: readonly RegretTask[] = [
  { name: 'count-lines', about: 'microseconds of computing', files: 300, size: 10_000 },
  { name: 'parse-numbers', about: 'small documents and results', files: 300, size: 1_000 },
  { name: 'words', about: 'strings, a map, garbage', files: 200, size: 30_000 },
  { name: 'brotli', about: 'expensive computing in native code', files: 100, size: 100_000 },
  { name: 'gzip-async', about: 'computing on Node’s own threads', files: 150, size: 50_000 },
  { name: 'wait', about: 'nothing but waiting', files: 200, size: 2_000 },
  { name: 'wait-and-hash', about: 'half waiting, half computing', files: 150, size: 10_000 },
  { name: 'large-results', about: 'results thirty times their documents', files: 200, size: 8_000 },
  { name: 'skewed', about: 'sizes over three orders of magnitude', files: 200, size: 'skewed' },
  { name: 'wait-by-size', about: 'waiting in proportion to size, skewed', files: 150, size: 'skewed' },
];

export function moduleOf({ name }: RegretTask): URL {
  return new URL(`./tasks/${name}.js`, import.meta.url);
}

/** Writes the task's documents into a new folder. Same bytes every time. */
export function writeDocuments({ files, size }: RegretTask, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const random = xoroshiro128plus(1);
  const { documents } = syntheticCorpus({
    name: 'text',
    size: 1_500_000,
    count: 1,
    complexity: 'medium',
    seed: 1,
  });
  const text = documents[0]?.bytes as Uint8Array;
  for (let i = 0; i < files; i++) {
    const share = (random.next() >>> 0) / 2 ** 32;
    // Pareto, α = 1: half of the documents are below 2 KB, one in a hundred above 100 KB.
    const length = size === 'skewed' ? Math.min(1_000_000, Math.round(1000 / (1 - share))) : size;
    const from = (random.next() >>> 0) % (text.length - length);
    writeFileSync(join(folder, `${String(i).padStart(4, '0')}.txt`), text.subarray(from, from + length));
  }
}
