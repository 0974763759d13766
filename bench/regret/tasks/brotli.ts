import { brotliCompressSync, constants } from 'node:zlib';
import type { Document } from '../../../workloads/workload.js';

/** Expensive native code computes here. */
export default function brotli({ bytes }: Document): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } }).length;
}
