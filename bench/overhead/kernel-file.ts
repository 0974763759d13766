import { readFileSync } from 'node:fs';
import type { Document } from '../../workloads/workload.js';
import kernel, { type KernelResult } from './kernel.js';

/** The same task for a pool that knows no files: the document is a path, and the task reads the file. */
export { kind } from './kernel.js';

const decoder = new TextDecoder();

export default function kernelOfFile({ index, id, bytes: path }: Document): KernelResult {
  const bytes = readFileSync(decoder.decode(path));
  return kernel({ index, id, size: bytes.length, bytes });
}
