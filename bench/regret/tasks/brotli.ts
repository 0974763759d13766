import { brotliCompressSync, constants } from 'node:zlib';
import type { Document } from '../../../workloads/workload.js';

/** The task computes in native code, and that takes long. */
export default function brotli({ bytes }: Document): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } }).length;
}
