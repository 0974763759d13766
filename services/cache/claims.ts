import { randomBytes } from 'node:crypto';
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
  readonly #open = new Map<string, string>();
  /** The name of the worker's word that has turned the cache off; null while it is on. */
  #off: string | null = null;

  /** @throws Error of the system */
  constructor(path: string) {
    this.#log = new RecordLog(path, bodySize);
  }

  /** Returns true when the document may run, and false when an equal one is running. */
  take(key: Buffer, document: Buffer): boolean {
    this.#append(kinds.claim, key, document);
    this.read();
    return this.#open.get(key.toString('latin1')) === document.toString('latin1');
  }

  /** Tells whether the document that has claimed the key is still running. */
  isTaken(key: Buffer): boolean {
    this.read();
    return this.#open.has(key.toString('latin1'));
  }

  /** The document has ended, with a result that is kept or without. */
  end(document: Buffer): void {
    this.#append(kinds.end, noKey, document);
  }

  /** True when a worker of the session has turned the cache off, as far as the file has been read. */
  get isOff(): boolean {
    return this.#off !== null;
  }

  /** Turns the cache off for all workers of the session; false when another one has done it already. */
  turnOff(): boolean {
    const name = randomBytes(documentSize);
    this.#append(kinds.off, noKey, name);
    this.read();
    return this.#off === name.toString('latin1');
  }

  close(): void {
    this.#log.close();
  }

  #append(kind: number, key: Buffer, document: Buffer): void {
    this.#body.set(key, 0);
    this.#body.set(document, keySize);
    this.#body.writeUInt32LE(kind, keySize + documentSize);
    this.#log.append(this.#body);
  }

  /** Reads what other workers have written. */
  read(): void {
    this.#log.read((body) => {
      const document = body.toString('latin1', keySize, keySize + documentSize);
      const kind = body.readUInt32LE(keySize + documentSize);
      if (kind === kinds.off) this.#off ??= document;
      if (kind === kinds.claim) {
        const key = body.toString('latin1', 0, keySize);
        if (!this.#open.has(key)) this.#open.set(key, document);
        return;
      }
      for (const [key, own] of this.#open) if (own === document) this.#open.delete(key);
    });
  }
}

const keySize = 32;
const documentSize = 8;
const bodySize = keySize + documentSize + 4;
const noKey = Buffer.alloc(keySize);
const kinds = { claim: 1, end: 2, off: 3 } as const;

/** Names a document of one run in claims: it is the same each time that the document runs. */
export function claimant({ index, id }: { readonly index: number; readonly id: string }): Buffer {
  const name = Buffer.allocUnsafe(documentSize);
  name.writeUInt32LE(index >>> 0, 0);
  name.writeUInt32LE(crc32(id), 4);
  return name;
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
