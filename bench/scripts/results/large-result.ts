import type { Context, Document, Results } from '../../../workloads/workload.js';

/** The task keeps no result, so its buffer may be given away, as the loop by hand does. */
export const results: Results = 'move';

/** The task of `npm run bench:results`: a result of `options.bytes` bytes, which tell its document. */
export default function largeResult({ index }: Document, { options }: Pick<Context, 'options'>): Uint8Array {
  return new Uint8Array(Number(options.bytes)).fill(index);
}

/** Tells whether a result is the one of the document with this index, by its size and its ends. */
export function isResult(value: unknown, { index, bytes }: { index: number; bytes: number }): boolean {
  return (
    value instanceof Uint8Array &&
    value.length === bytes &&
    value[0] === (index & 255) &&
    value[bytes - 1] === (index & 255)
  );
}
