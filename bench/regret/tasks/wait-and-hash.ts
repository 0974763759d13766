import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Document } from '../../../workloads/workload.js';

/** Half waiting, half computing: a lookup, then work on what came. */
export default async function waitAndHash({ bytes }: Document): Promise<string> {
  await setTimeout(4);
  let digest = createHash('sha256').update(bytes).digest();
  for (let i = 0; i < 1500; i++) digest = createHash('sha256').update(digest).digest();
  return digest.toString('hex');
}
