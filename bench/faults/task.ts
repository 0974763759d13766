import { isMainThread } from 'node:worker_threads';
import type { Document, Kind } from '../../workloads/workload.js';

/** A task that does to a document what its id says. Whatever grows without end is stopped by a limit of whoever runs it. */
export const kind: Kind = 'cpu';

const deeds: Record<string, () => unknown> = {
  throw: () => {
    throw new TypeError('bad input');
  },
  reject: () => Promise.reject(new RangeError('came later')),
  'result-not-cloneable': () => ({ parse: { again: () => 1 } }),
  'endless-loop': () => {
    for (;;);
  },
  'never-settles': () => new Promise(() => {}),
  redos: () => /^(a+)+$/.test(`${'a'.repeat(60)}!`),
  exit: () => process.exit(3),
  /** A crash of native code, as near as JavaScript comes to it: Node lets no thread abort, so it is done to the process from inside. */
  abort: () => {
    if (isMainThread) process.abort();
    process.kill(process.pid, 'SIGABRT');
    for (;;);
  },
  'heap-array': () => {
    const grown: number[][] = [];
    for (;;) grown.push(new Array<number>(10_000).fill(grown.length));
  },
  'heap-buffers': () => {
    const grown: Buffer[] = [];
    for (;;) {
      grown.push(Buffer.alloc(2 ** 19, 1)); // half a megabyte a millisecond: a watch that looks now and then must see it coming
      const untilMs = performance.now() + 1;
      while (performance.now() < untilMs);
    }
  },
};

export default function faulty({ id, bytes }: Document): unknown {
  const deed = deeds[id];
  if (deed !== undefined) return deed();
  let sum = 0;
  for (let pass = 0; pass < 100; pass++)
    for (let i = 0; i < bytes.length; i++) sum = (sum * 31 + (bytes[i] as number)) | 0;
  return sum;
}
