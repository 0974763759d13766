import type { Document } from '../../../workloads/workload.js';

/** A result thirty times the size of its document: how results travel decides. */
export default function largeResults({ bytes, id }: Document): {
  id: string;
  histogram: Float64Array;
  rows: { at: number; code: number }[];
} {
  const histogram = new Float64Array(30 * bytes.length);
  for (let i = 0; i < histogram.length; i++) histogram[i] = (bytes[i % bytes.length] as number) * i;
  const rows = Array.from({ length: 500 }, (_, at) => ({ at, code: bytes[at % bytes.length] as number }));
  return { id, histogram, rows };
}
