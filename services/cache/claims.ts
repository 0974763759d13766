import { rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { RecordLog } from './record-log.js';

/**
 * The workers of a session claim a document's key before they run it, so that equal documents run once. All
 * claims are in one file, and the first one in it counts.
 *
 * A worker that ends while it runs a document leaves its claim behind. The document runs again with the same
 * index and id, and has its own claim then. When it has its outcome, the caller frees what is left.
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
    this.#append(kinds.claim, shortened(key), document);
    this.read();
    return this.#open.get(shortened(key)) === document;
  }

  /** Tells whether the document that has claimed the key is still running. */
  isTaken(key: Buffer): boolean {
    this.read();
    return this.#open.has(shortened(key));
  }

  /** The document has ended, with a result that is kept or without. */
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
function shortened(key: Buffer): number {
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
