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
  abort: () => process.abort(),
  'heap-array': () => {
    const grown: number[][] = [];
    for (;;) grown.push(new Array<number>(10_000).fill(grown.length));
  },
  'heap-buffers': () => {
    const grown: Buffer[] = [];
    for (;;) grown.push(Buffer.alloc(2 ** 20, 1));
  },
};

export default function faulty({ id, bytes }: Document): unknown {
  const deed = deeds[id];
  if (deed !== undefined) return deed();
  let sum = 0;
  for (let pass = 0; pass < 100; pass++) for (let i = 0; i < bytes.length; i++) sum = (sum * 31 + (bytes[i] as number)) | 0;
  return sum;
}
