import type { Document, Kind } from '../../workloads/workload.js';
import { faults } from './faults.js';
import { markFault } from './mark.js';

/** The fault happens that the document's id names. Limits stop a fault that grows or runs without end. */
export const kind: Kind = 'cpu';

export default function faulty({ id, bytes }: Document): unknown {
  const fault = faults.find(({ name }) => name === id);
  if (fault?.by !== 'task') return sumOf(bytes);
  markFault();
  return fault.run(sumOf(bytes));
}

/** The result of a healthy document: cheap to compute, and different for different documents. */
export function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let pass = 0; pass < 100; pass++) for (const byte of bytes) sum = (sum * 31 + byte) | 0;
  return sum;
}
