import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Document, Kind } from '../workload.js';

export const kind: Kind = 'cpu';

const compress = promisify(gzip);

interface Archive {
  compressed_bytes: number;
  sha256: string;
}

/**
 * Compresses in libuv's thread pool, which has 4 threads per process unless UV_THREADPOOL_SIZE is set, then
 * hashes.
 */
export default async function compressDocument(document: Document): Promise<Archive> {
  const archive = await compress(document.bytes, { level: 6 });
  return { compressed_bytes: archive.length, sha256: createHash('sha256').update(archive).digest('hex') };
}
