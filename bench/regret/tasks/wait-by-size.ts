import { setTimeout } from 'node:timers/promises';
import type { Document } from '../../../workloads/workload.js';

/**
 * Waits as long as the document is large, then parses it a little: a language model that reads before it
 * answers.
 */
export default async function waitBySize({ bytes, size }: Document): Promise<number> {
  await setTimeout(5 + size / 1000);
  let words = 0;
  for (const byte of bytes) if (byte === 32) words++;
  return words;
}
