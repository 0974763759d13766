import { Claims, shortKey } from './claims.js';
import { type Kept, type NewResult, Store } from './store.js';

/** A document has claimed a key. */
export interface Claim {
  readonly key: Buffer;
  /** The document's name in the claims: see `claimant`. */
  readonly document: number;
}

/**
 * The results of a task that are kept, and the claims of the session's workers: the protocol is in
 * `claims.ts`. A document that is not found costs four system calls: a claim, what was claimed since, the
 * value, and its entry.
 *
 * A full disk, or a folder that was removed, costs results and fails no document: nothing here throws.
 */
export class SharedResults {
  readonly #store: Store;
  readonly #claims: Claims;
  /** Keys of entries that were read, and whose claims are not ended yet. */
  #read: number[] = [];
  #readMs = -Infinity;
  #hasWarned = false;

  /** @throws Error of the system */
  constructor(
    folder: { readonly root: string; readonly task: string; readonly maxBytes: number },
    claims: string,
  ) {
    this.#store = new Store({ ...folder, seeKept: (key) => this.#read.push(shortKey(key)) });
    this.#claims = new Claims(claims);
  }

  /** True when some results were kept by the id of their document. */
  get hasIds(): boolean {
    return this.#store.hasIds;
  }

  /** True when a worker of the session has turned the cache off, as far as the claims have been read. */
  get isOff(): boolean {
    return this.#claims.isOff;
  }

  /** Reads the claims, and tells whether a worker of the session has turned the cache off. */
  isOffNow(): boolean {
    this.#safely(() => this.#claims.read());
    return this.isOff;
  }

  /** Turns the cache off for all workers of the session; false when another one has done it already. */
  turnOff(): boolean {
    return this.#safely(() => this.#claims.turnOff()) !== false;
  }

  /** Returns what is kept under the key, as far as the index has been read. */
  get(key: Buffer): Kept | null {
    return this.#safely(() => this.#store.get(key));
  }

  /** Reads the index when that was not done for a while, for results that other programs have kept. */
  refresh(nowMs: number): void {
    if (nowMs - this.#readMs < refreshMs) return;
    this.#readMs = nowMs;
    this.readNew();
  }

  /** Reads what was kept in the meantime, and ends the claims of those results. */
  readNew(): void {
    this.#safely(() => {
      this.#store.readNew();
      const keys = this.#read;
      this.#read = [];
      this.#claims.keptKeys(keys);
    });
  }

  /** Returns true when the document may run, and false when an equal one is running or has its result. */
  take({ key, document }: Claim): boolean {
    return this.#safely(() => this.#claims.take(key, document)) !== false;
  }

  /** Tells whether the document that has claimed the key has ended. */
  isOver(key: Buffer): boolean {
    this.readNew();
    return this.#safely(() => this.#claims.isTaken(key)) !== true;
  }

  /** Keeps the result of a document, which ends its claim on that key. */
  keep(key: Buffer, { result, isOfId, claim }: KeepOptions): void {
    const isKept = this.#safely(() => this.#store.put(key, result, isOfId)) ?? false;
    if (claim !== null && !(isKept && claim.key === key)) this.end(claim);
  }

  /** The document has no result that is kept. */
  end({ document }: Claim): void {
    this.#safely(() => this.#claims.end(document));
  }

  close(): void {
    this.#store.close();
    this.#claims.close();
  }

  #safely<T>(use: () => T): T | null {
    try {
      return use();
    } catch (cause) {
      if (!this.#hasWarned)
        process.emitWarning(
          `the cache does not keep all results: ${(cause as Error).message} (reported once per worker)`,
        );
      this.#hasWarned = true;
      return null;
    }
  }
}

interface KeepOptions {
  readonly result: NewResult;
  /** The key has the document's id. */
  readonly isOfId: boolean;
  /** Null where the document runs without a claim. */
  readonly claim: Claim | null;
}

/** The index is read at least this often, ms: other programs may have kept results. */
const refreshMs = 100;
