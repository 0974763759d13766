import { now } from '../../strategies/worker/clock.js';

/** Sources together exceed the processor's caches, as the documents of a trial do. */
const sourceBytes = 64e6;
/** Copies go into this much memory in turn, which is in use already. */
const targetBytes = 8e6;
const maxBuffers = 65_536;

/**
 * Measures how long one copy of a document takes on this thread, microseconds: from memory that is not in a
 * cache into memory that was written before. The median of nine runs, after one that warms up.
 */
export function copyUs(documentBytes: number, timeMs: number): number {
  if (documentBytes === 0) return 0;
  const buffers = (total: number) =>
    Array.from({ length: Math.min(maxBuffers, Math.ceil(total / documentBytes)) }, (_, index) =>
      new Uint8Array(documentBytes).fill(index),
    );
  const sources = buffers(sourceBytes);
  const targets = buffers(targetBytes);
  let at = 0;
  const timeRun = (): number => {
    let copies = 0;
    const startedMs = now();
    let elapsedMs = 0;
    while (elapsedMs < timeMs / 10) {
      for (let i = 0; i < 16; i++, at++)
        (targets[at % targets.length] as Uint8Array).set(sources[at % sources.length] as Uint8Array);
      copies += 16;
      elapsedMs = now() - startedMs;
    }
    return (elapsedMs * 1e3) / copies;
  };
  timeRun();
  const runs = Array.from({ length: 9 }, timeRun).sort((a, b) => a - b);
  return runs[4] as number;
}
