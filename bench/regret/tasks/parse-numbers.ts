import type { Document } from '../../../workloads/workload.js';

/** Small documents, small results: the letters' codes as JSON and back, summed. */
export default function parseNumbers({ bytes }: Document): { count: number; sum: number } {
  const numbers = JSON.parse(`[${Array.from(bytes.subarray(0, 1000)).join(',')}]`) as number[];
  return { count: numbers.length, sum: numbers.reduce((sum, number) => sum + number, 0) };
}
