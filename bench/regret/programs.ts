import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readRecommendation } from '../../runner/recommendation.js';
import { findFiles } from '../../workloads/documents.js';

const program = fileURLToPath(new URL('../scripts/promise-program.js', import.meta.url));
/** Time that a program runs for, at least: long against its last documents. */
const seconds = 4;

/**
 * Runs a recommendation as programs do that know nothing of the bench, over the whole folder as often as it
 * takes, after a warm-up with a quarter as many documents.
 * @returns documents per second of each program
 */
export async function programsOver(
  recommendation: string,
  { docs, programs }: { readonly docs: string; readonly programs: number },
): Promise<number[]> {
  const { expected } = readRecommendation(JSON.parse(readFileSync(recommendation, 'utf8')));
  const { files } = await findFiles(docs);
  const passes = Math.max(1, Math.ceil((seconds * expected.documentsPerSecond) / files.length));
  const count = passes * files.length;
  const rates: number[] = [];
  for (let i = 0; i < programs; i++) {
    const args = [program, recommendation, docs, String(Math.ceil(count / 4)), String(count)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    rates.push((JSON.parse(stdout) as { documentsPerSecond: number }).documentsPerSecond);
  }
  return rates;
}
