import type { Document } from '../../workloads/workload.js';

/**
 * A document whose bytes are the whole of an ordinary buffer, fit to be transferred. One that is a view of something
 * larger, as a small `Buffer` is, is copied: its neighbours must not go with it.
 */
export function owned(document: Document): Document & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const { bytes } = document;
  const whole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
  return { ...document, bytes: whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes) };
}
