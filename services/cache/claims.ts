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
  /** Tells whether the document that has claimed the key is running, or has a result that is not written. */
  isTaken(key: string): boolean;
  /** The document has ended, and its result is to be written. */
  ended(claim: Claim): void;
  /** The result of the document is in the index. */
  written(claim: Claim): void;
  /** The document has ended, and no result of it is kept under this key. */
  end(claim: Claim): void;
  /** Likewise, for the caller: the document has its outcome, and its worker may have ended without a word. */
  endOf(document: number): void;
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

/** Claims have 48 bits of a key. Another document with the same ones would wait, and then run. */
export function shortKey(key: string): number {
  return leadOf(key) + (key.charCodeAt(4) | (key.charCodeAt(5) << 8)) * 2 ** 32;
}

/** Names a document of one run in claims: it is the same each time that the document runs. */
export function claimant({ index, id }: { readonly index: number; readonly id: string }): number {
  return index * 2 ** 20 + (crc32(id) >>> 12);
}
