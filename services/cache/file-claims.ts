import { type Claim, type Claims, shortKey } from './claims.js';
import { RecordLog } from './record-log.js';

/**
 * The claims of a session whose workers are in several processes. They are in one file, and the first one of
 * a key counts:
 *
 * 1. A worker looks a document up in what it has read of the store's index, appends a claim, and reads the
 *    claims of others. The claim is its own when no earlier one of the key is open.
 * 2. When the result is kept, its entry in the index ends the claim (`readIndex`). A document without a
 *    result that is kept appends an end. So a claim that a worker gets needs no second look into the index: a
 *    result of this session that is not in what the worker has read has a claim that is still open there.
 * 3. A worker that does not get the claim reads the index and the claims until either has ended it.
 * 4. Results are written at once: a worker that ends would leave claims of documents behind that have their
 *    outcomes.
 *
 * A worker that ends while it runs a document leaves its claim behind. The document runs again with the same
 * index and id, and the claim is its own then. When it has its outcome, the caller frees what is left.
 */
export class FileClaims implements Claims {
  readonly mayWait = false;
  readonly isIndexNewer = false;
  readonly #log: RecordLog;
  /** The document that has claimed each key. */
  readonly #open = new Map<number, number>();
  /** The name of the worker's word that has turned the cache off; null while it is on. */
  #off: number | null = null;

  /** @throws Error of the system */
  constructor(path: string) {
    this.#log = new RecordLog(path, bodySize);
  }

  take({ key, document }: Claim): boolean {
    const short = shortKey(key);
    this.#append(kinds.claim, short, document);
    this.read();
    return this.#open.get(short) === document;
  }

  isTaken(key: string): boolean {
    this.read();
    return this.#open.has(shortKey(key));
  }

  ended(): void {}

  written(): void {}

  end({ document }: Claim): void {
    this.endOf(document);
  }

  endOf(document: number): void {
    this.#append(kinds.end, 0, document);
  }

  /** The index is read before the claims, so all claims are found that were made for its results. */
  readIndex(read: () => readonly number[]): void {
    const keys = read();
    this.read();
    for (const key of keys) this.#open.delete(key);
  }

  get isOff(): boolean {
    return this.#off !== null;
  }

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
    this.#log.append(1, (body) => {
      body.writeDoubleLE(kind, 0);
      body.writeDoubleLE(key, 8);
      body.writeDoubleLE(document, 16);
    });
  }

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
