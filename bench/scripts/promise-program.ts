import { readFileSync } from 'node:fs';
import { createRunner } from '../../index.js';
import { readRecommendation } from '../../runner/recommendation.js';
import { findFiles } from '../../workloads/documents.js';

/**
 * A program as users write it: it takes a recommendation, a folder, and a number of documents, and says how
 * many a second it did, reading included. It knows nothing of the bench.
 * @example node program.js recommendation.json ./documents 400 5000
 */
const [, , recommendation, docs, warmup, count] = process.argv as unknown as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const { files } = await findFiles(docs);
const documents = files.map(({ id, path, size }) => ({ id, path, size }));
const runner = await createRunner(readRecommendation(JSON.parse(readFileSync(recommendation, 'utf8'))));
await through(Number(warmup));
const documentsPerSecond = await through(Number(count));
await runner.close();
process.stdout.write(JSON.stringify({ documentsPerSecond }));

/** @returns documents per second, from the first document to the last outcome */
async function through(total: number): Promise<number> {
  let ok = 0;
  const startedMs = performance.now();
  for await (const { status } of runner.process(repeated(total))) if (status === 'ok') ok++;
  if (ok !== total) throw new Error(`expected ${total} documents done, got ${ok}`);
  return (1000 * total) / (performance.now() - startedMs);
}

/** Takes the documents in steps through their sizes, so that every stretch has small ones and large ones. */
function* repeated(total: number) {
  const step = stepOver(documents.length);
  for (let i = 0; i < total; i++) {
    yield documents[(i * step) % documents.length] as (typeof documents)[number];
  }
}

/**
 * A step near the golden section of n, without a common factor: every document comes before one comes
 * again.
 */
function stepOver(n: number): number {
  const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b));
  for (let step = Math.max(1, Math.round(0.618 * n)); ; step++) if (common(n, step) === 1) return step;
}
