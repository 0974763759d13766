import { rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { RecordLog } from './record-log.js';

/**
 * The workers of a session claim a document's key before they run it, so that equal documents run once. All
 * claims are in one file, and the first one in it counts:
 *
 * 1. A worker looks a document up in what it has read of the store's index, appends a claim, and reads the
 *    claims of others. The claim is its own when no earlier one of the key is open.
 * 2. When the result is kept, its entry in the index ends the claim (`keptKeys`). A document without a result
 *    that is kept appends an end. So a claim that a worker gets needs no second look into the index: a result
 *    of this session that is not in what the worker has read has a claim that is still open there.
 * 3. A worker that does not get the claim reads the index and the claims until either has ended it.
 *
 * A worker that ends while it runs a document leaves its claim behind. The document runs again with the same
 * index and id, and the claim is its own then. When it has its outcome, the caller frees what is left.
 */
export class Claims {
  readonly #log: RecordLog;
  readonly #body = Buffer.alloc(bodySize);
  /** The document that has claimed each key. */
  readonly #open = new Map<number, number>();
  /** The name of the worker's word that has turned the cache off; null while it is on. */
  #off: number | null = null;

  /** @throws Error of the system */
  constructor(path: string) {
    this.#log = new RecordLog(path, bodySize);
  }

  /** Returns true when the document may run, and false when an equal one is running. */
  take(key: Buffer, document: number): boolean {
    const short = shortKey(key);
    this.#append(kinds.claim, short, document);
    this.read();
    return this.#open.get(short) === document;
  }

  /** Tells whether the document that has claimed the key is still running. */
  isTaken(key: Buffer): boolean {
    this.read();
    return this.#open.has(shortKey(key));
  }

  /**
   * The results of these keys are in the index, as `shortKey` gives them, so their claims have ended. The
   * index was read before this reads the claims, and thus finds all claims that were made for its results.
   */
  keptKeys(keys: readonly number[]): void {
    this.read();
    for (const key of keys) this.#open.delete(key);
  }

  /** The document has ended, and its entry in the index does not say so. */
  end(document: number): void {
    this.#append(kinds.end, 0, document);
  }

  /** True when a worker of the session has turned the cache off, as far as the file has been read. */
  get isOff(): boolean {
    return this.#off !== null;
  }

  /** Turns the cache off for all workers of the session; false when another one has done it already. */
  turnOff(): boolean {
    const name = Math.random();
    this.#append(kinds.off, 0, name);
    this.read();
    return this.#off === name;
  }

  close(): void {
    this.#log.close();
  }

  #append(kind: number, key: number, document: number): void {
    this.#body.writeDoubleLE(kind, 0);
    this.#body.writeDoubleLE(key, 8);
    this.#body.writeDoubleLE(document, 16);
    this.#log.append(this.#body);
  }

  /** Reads what other workers have written. */
  read(): void {
    this.#log.read((body) => {
      const kind = body.readDoubleLE(0);
      const key = body.readDoubleLE(8);
      const document = body.readDoubleLE(16);
      if (kind === kinds.claim) {
        if (!this.#open.has(key)) this.#open.set(key, document);
      } else if (kind === kinds.off) this.#off ??= document;
      else for (const [key, own] of this.#open) if (own === document) this.#open.delete(key);
    });
  }
}

const bodySize = 24;
const kinds = { claim: 1, end: 2, off: 3 } as const;

/** Claims have 48 bits of a key. Another document with the same ones would wait, and then run. */
export function shortKey(key: Buffer): number {
  return key.readUIntLE(0, 6);
}

/** Names a document of one run in claims: it is the same each time that the document runs. */
export function claimant({ index, id }: { readonly index: number; readonly id: string }): number {
  return index * 2 ** 20 + (crc32(id) >>> 12);
}

/** The caller's end of the claims of a session. The file is there when a worker has claimed something. */
export class CallerClaims {
  readonly #path: string;
  #claims: Claims | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** The document has its outcome, and its worker may have ended without a word. */
  end(document: { readonly index: number; readonly id: string }): void {
    try {
      this.#claims ??= new Claims(this.#path);
      this.#claims.end(claimant(document));
    } catch {
      // The disk is full, or the folder was removed: documents that wait run after a while.
    }
  }

  /** The session has ended. */
  close(): void {
    this.#claims?.close();
    this.#claims = null;
    rmSync(this.#path, { force: true });
  }
}
