import type { Document } from '../../workloads/workload.js';

/**
 * Returns a document whose bytes are the whole of an ordinary buffer, so that they can be transferred.
 * Bytes that are a view of a larger buffer, as in a small `Buffer`, are copied: a transfer would take the
 * neighbours along.
 */
export function owned(document: Document): Document & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const { bytes } = document;
  const whole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
  return { ...document, bytes: whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes) };
}
