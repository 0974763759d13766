import { createHash } from 'node:crypto';
import { unzipSync } from 'fflate';
import type { Document } from '../../../workloads/workload.js';

/** Unpacks an archive in JavaScript and hashes each of its files. */
export default function archive({ bytes }: Document): Record<string, string> {
  return Object.fromEntries(
    Object.entries(unzipSync(bytes)).map(([name, content]) => [
      name,
      createHash('sha256').update(content).digest('hex'),
    ]),
  );
}
