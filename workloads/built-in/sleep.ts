import { setTimeout } from 'node:timers/promises';
import type { Context, Document, Kind } from '../workload.js';

export const kind: Kind = 'io';

const defaultMilliseconds = 10;

/** Waits for a fixed time. The rate with W documents in flight must be W times the rate of one. */
export default async function sleep(document: Document, context: Context): Promise<{ slept: number }> {
  const milliseconds = (context.options.milliseconds as number | undefined) ?? defaultMilliseconds;
  await setTimeout(milliseconds);
  return { slept: document.size };
}
