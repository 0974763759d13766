import type { Document, Views } from '../../workloads/workload.js';

/**
 * Makes what the task gets. Its bytes are a `Uint8Array` that is alone in its buffer: a task may read
 * `bytes.buffer` from its beginning, and a Buffer's `slice` and `toString` do something else. Only views of
 * shared memory stay as they are.
 * @param isOfCaller on the caller's own thread a task gets an object of its own, because it may change it
 */
export function ownDocuments(views: Views, isOfCaller: boolean): (document: Document) => Document {
  if (views === 'shared') return isOfCaller ? (document) => ({ ...document }) : (document) => document;
  return (document) => {
    const bytes = ownBytes(document.bytes);
    return isOfCaller || bytes !== document.bytes ? { ...document, bytes } : document;
  };
}

function ownBytes(bytes: Uint8Array): Uint8Array {
  const { buffer, byteLength } = bytes;
  if (buffer.byteLength !== byteLength) return new Uint8Array(bytes); // this copies
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype ? bytes : new Uint8Array(buffer);
}
