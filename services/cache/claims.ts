import { crc32 } from 'node:zlib';
import { leadOf } from './key-table.js';

/** A document has claimed a key. */
export interface Claim {
  readonly key: string;
  /** The document's name in the claims: see `claimant`. */
  readonly document: number;
}

/**
 * The workers of a session claim a document's key before they run it, so that equal documents run once. Each
 * worker, and the caller, opens the claims for itself. `FileClaims` and `MemoryClaims` have their protocols
 * at their heads.
 */
export interface Claims {
  /** True where a result need not be written at once, so that several are written together. */
  readonly mayWait: boolean;
  /** True when a worker of the session has turned the cache off, as far as the claims have been read. */
  readonly isOff: boolean;
  /** Reads what other workers have written. */
  read(): void;
  /** Returns true when the document may run, and false when an equal one is running. */
  take(claim: Claim): boolean;
  /**
   * Tells whether another document that has claimed the key is running, or has a result that is not written.
   * The claim may be this one afterwards: see `holds`.
   */
  isTaken(claim: Claim): boolean;
  /** True when the key has this claim. */
  holds(claim: Claim): boolean;
  /** The document has ended, and its result is to be written. */
  ended(claim: Claim): void;
  /** The result of the document is in the index. */
  written(claim: Claim): void;
  /** The document has ended, and no result of it is kept under this key. */
  end(claim: Claim): void;
  /** Likewise, for the caller, when the document's worker has ended without a word. */
  endOf(document: number): void;
  /** For the caller, when a worker has ended: its results that were not written are gone. */
  endUnwritten(): void;
  /**
   * Reads the index.
   * @param read reads its new entries, and returns their keys (see `shortKey`)
   */
  readIndex(read: () => readonly number[]): void;
  /** True when others have written results whose claims are over, and this worker has not read the index. */
  readonly isIndexNewer: boolean;
  /** Turns the cache off for all workers of the session; false when another one has done it already. */
  turnOff(): boolean;
  close(): void;
}

/** Claims in a file have 48 bits of a key. Another document with the same ones would wait, and then run. */
export function shortKey(key: string): number {
  return leadOf(key) + (key.charCodeAt(4) | (key.charCodeAt(5) << 8)) * 2 ** 32;
}

/** The same of an entry, which begins with the bytes of its key. */
export function shortKeyOf(entry: Buffer): number {
  return entry.readUIntLE(0, 6);
}

/** Names a document of one run in claims: it is the same each time that the document runs. */
export function claimant({ index, id }: { readonly index: number; readonly id: string }): number {
  return index * 2 ** 20 + (crc32(id) >>> 12);
}
