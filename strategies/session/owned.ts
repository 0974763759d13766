import type { CarriedDocument } from './reference.js';

/**
 * Returns a document whose bytes are the whole of an ordinary buffer, so that they can be transferred.
 * Bytes that are a view of a larger buffer, as in a small `Buffer`, are copied: a transfer would take the
 * neighbours along.
 */
export function owned(document: CarriedDocument): Owned {
  return isWhole(document) ? document : copied(document);
}

type Owned = CarriedDocument & { readonly bytes: Uint8Array<ArrayBuffer> };

function isWhole(document: CarriedDocument): document is Owned {
  const { bytes } = document;
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

/**
 * Returns a document with a copy of the bytes, to be transferred. The caller keeps its own bytes. A message
 * that clones would copy them twice: into the message, and out of it.
 */
export function copied(document: CarriedDocument): Owned {
  return { ...document, bytes: new Uint8Array(document.bytes) };
}
