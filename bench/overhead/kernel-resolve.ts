/** The same task over documents that a reference names: `resolve` returns bytes that are there already. */
export { default, kind } from './kernel.js';

/** The bytes that `resolve` returns have this value, after the four with the kernel's steps. */
export const resolvedByte = 7;

const buffers = new Map<unknown, Uint8Array>();

/** @param reference the size of the document, bytes */
export function resolve(reference: unknown): Uint8Array {
  const known = buffers.get(reference);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(Number(reference)).fill(resolvedByte, 4);
  buffers.set(reference, bytes);
  return bytes;
}
