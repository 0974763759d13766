import { type Claim, type Claims, shortKey } from './claims.js';
import { RecordLog } from './record-log.js';

/**
 * The claims of a session whose workers are in several processes. They are in one file, and the first one of
 * a key counts:
 *
 * 1. A worker looks a document up in what it has read of the store's index, appends a claim, and reads the
 *    claims of others. The claim is its own when no earlier one of the key is open.
 * 2. When the result is kept, its entry in the index ends the claim (`readIndex`). A document without a
 *    result that is kept appends an end. So a worker that gets a claim need not look into the index once
 *    more: as long as it has not read a result there, it finds the claim of that result open.
 * 3. A worker that does not get the claim reads the index and the claims until either has ended it.
 * 4. Results are written at once. A result that waited would be lost with its worker, and its claim would
 *    remain.
 *
 * A worker that ends while it runs documents leaves their claims behind. The caller frees them before the
 * documents run again, and when they get an outcome that says that their worker has ended.
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

  isTaken({ key }: Claim): boolean {
    this.read();
    return this.#open.has(shortKey(key));
  }

  /** A claim that did not get the key is in the file, and never gets it. */
  holds(): boolean {
    return false;
  }

  ended(): void {}

  written(): void {}

  end({ document }: Claim): void {
    this.endOf(document);
  }

  endOf(document: number): void {
    this.#append(kinds.end, 0, document);
  }

  /** Results are written at once. */
  endUnwritten(): void {}

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
