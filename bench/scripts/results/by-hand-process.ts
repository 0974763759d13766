import { writeSync } from 'node:fs';
import type { Document } from '../../../workloads/workload.js';
import largeResult from './large-result.js';

/** The process of the loop by hand: it writes each result into the file that it shares with its parent. */
export interface Asked {
  readonly document: Document;
  /** Where the result is written. */
  readonly position: number;
}

const options = JSON.parse(process.argv[2] ?? '') as { readonly bytes: number };
const file = 4;

process.on('disconnect', () => process.exit());
process.on('message', ({ document, position }: Asked) => {
  const value = largeResult(document, { options });
  let written = 0;
  while (written < value.length)
    written += writeSync(file, value, written, value.length - written, position + written);
  process.send?.({ index: document.index, position });
});
