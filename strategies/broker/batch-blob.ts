import type { CarriedDocument, ReferenceKind } from '../session/reference.js';
import type { BlobBuffers } from './blob-buffers.js';

/**
 * The documents of a batch as one run of bytes. Numbers are little-endian:
 *
 *   head       magic, pass, number of documents, bytes of all ids, `after`    4 × 4 + 8 bytes
 *   table      per document: index, length of id, length of bytes, flags, size    4 × 4 + 8 bytes
 *   ids        UTF-8, one after the other
 *   contents   bytes, or the reference in place of them, one after the other
 *
 * The low two bits of the flags say how the worker reads the document, and the third that the caller may
 * cancel it.
 */

/** One document of a batch that was decoded. Its `bytes` are a view of the batch. */
export interface BatchDocument extends CarriedDocument {
  /** The caller may cancel the document. */
  readonly cancellable: boolean;
}

export interface DecodedBatch {
  /** The pass of the session that the batch belongs to. */
  readonly pass: number;
  /** The agent runs the documents when it has heard the caller's messages up to this `count`. */
  readonly after: number;
  readonly documents: readonly BatchDocument[];
}

const magic = 0x31425746; // reads "FWB1"
const headBytes = 24;
const rowBytes = 24;
const kinds: readonly (ReferenceKind | undefined)[] = [undefined, 'path', 'reference'];
const cancellableFlag = 4;

export interface EncodeOptions {
  readonly pass: number;
  /** The agent hears the caller's messages up to this `count` first. Absent: none. */
  readonly after?: number;
  mayCancel(index: number): boolean;
  readonly buffers: BlobBuffers;
}

/** Makes one buffer, which has copies of the documents' bytes. */
export function encodeBatch(
  documents: readonly CarriedDocument[],
  { pass, after = 0, mayCancel, buffers }: EncodeOptions,
): Uint8Array {
  let idBytes = 0;
  let contentBytes = 0;
  const idLengths: number[] = [];
  for (const { id, bytes } of documents) {
    const length = Buffer.byteLength(id);
    idLengths.push(length);
    idBytes += length;
    contentBytes += bytes.length;
  }
  const tableEnd = headBytes + rowBytes * documents.length;
  const blob = buffers.take(tableEnd + idBytes + contentBytes);
  blob.writeUInt32LE(magic, 0);
  blob.writeUInt32LE(pass, 4);
  blob.writeUInt32LE(documents.length, 8);
  blob.writeUInt32LE(idBytes, 12);
  blob.writeDoubleLE(after, 16);
  let row = headBytes;
  let idAt = tableEnd;
  let at = tableEnd + idBytes;
  for (const [i, { index, id, size, bytes, by }] of documents.entries()) {
    const length = idLengths[i] as number;
    blob.writeUInt32LE(index, row);
    blob.writeUInt32LE(length, row + 4);
    blob.writeUInt32LE(bytes.length, row + 8);
    blob.writeUInt32LE(kinds.indexOf(by) | (mayCancel(index) ? cancellableFlag : 0), row + 12);
    blob.writeDoubleLE(size, row + 16);
    blob.write(id, idAt);
    blob.set(bytes, at);
    row += rowBytes;
    idAt += length;
    at += bytes.length;
  }
  return blob;
}

/** @throws Error when the bytes are no batch */
export function decodeBatch(bytes: Uint8Array): DecodedBatch {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (blob.length < headBytes || blob.readUInt32LE(0) !== magic)
    throw new Error('expected the documents of a batch, and the broker has something else under its key');
  const count = blob.readUInt32LE(8);
  const tableEnd = headBytes + rowBytes * count;
  let idAt = tableEnd;
  let at = tableEnd + blob.readUInt32LE(12);
  const documents: BatchDocument[] = [];
  for (let row = headBytes; row < tableEnd; row += rowBytes) {
    const idEnd = idAt + blob.readUInt32LE(row + 4);
    const end = at + blob.readUInt32LE(row + 8);
    const flags = blob.readUInt32LE(row + 12);
    const by = kinds[flags & 3];
    const index = blob.readUInt32LE(row);
    const id = blob.toString('utf8', idAt, idEnd);
    const size = blob.readDoubleLE(row + 16);
    const bytes = new Uint8Array(blob.buffer, blob.byteOffset + at, end - at);
    const cancellable = (flags & cancellableFlag) !== 0;
    if (by === undefined) documents.push({ index, id, size, bytes, cancellable });
    else documents.push({ index, id, size, bytes, by, cancellable });
    idAt = idEnd;
    at = end;
  }
  return { pass: blob.readUInt32LE(4), after: blob.readDoubleLE(16), documents };
}
