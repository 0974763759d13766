import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Document } from '../../../workloads/workload.js';

const compress = promisify(gzip);

/** Computing that Node does on threads of its own: several in flight on one thread use all cores. */
export default async function gzipAsync({ bytes }: Document): Promise<number> {
  return (await compress(bytes, { level: 6 })).length;
}
