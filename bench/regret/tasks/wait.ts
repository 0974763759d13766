import { setTimeout } from 'node:timers/promises';
import type { Document } from '../../../workloads/workload.js';

/** Nothing but waiting, as for a server far away. */
export default async function wait({ size }: Document): Promise<number> {
  await setTimeout(20);
  return size;
}
