import { clearTimeout, setTimeout } from 'node:timers';
import type { SessionCache } from './cache-facts.js';
import { type Claim, type Claims, shortKeyOf } from './claims.js';
import { openClaims } from './open-claims.js';
import type { Seen } from './seen.js';
import { type Kept, type NewResult, Store, timeSize } from './store.js';

/** The result of a document that has ended. */
export interface EndedResult {
  readonly key: string;
  /** It has the result; its `isUnique` is false. */
  readonly seen: Seen;
  readonly taskMs: number;
  /** The document has this size, bytes: few results are much larger. */
  readonly size: number;
  /** The key has the document's id. */
  readonly isOfId: boolean;
  /** Null where the document has run without a claim. */
  readonly claim: Claim | null;
}

/**
 * The results of a task that are kept, and the claims of the session's workers: see `Claims`. Results of
 * short tasks are written together where the claims allow it: right after a task, when its code is in no
 * cache of the processor, a write took 17 µs in place of 5.
 *
 * A full disk, or a folder that was removed, costs results and fails no document: nothing here throws.
 */
export class SharedResults {
  readonly #store: Store;
  readonly #claims: Claims;
  readonly #mayWait: boolean;
  /** Keys of entries that were read just now. */
  #read: number[] = [];
  #readMs = -Infinity;
  #unwritten: EndedResult[] = [];
  /** The first of them has been there since then. */
  #firstMs = 0;
  /** The worker's own results that it has not read in the index yet. */
  #own = new Map<string, EndedResult>();
  #timer: NodeJS.Timeout | null = null;
  #hasIds = false;
  #hasWarned = false;

  /**
   * @param mayWait results need not be written at once, as far as the claims allow it: the worker lets its
   * event loop run when it has nothing to do
   * @throws Error of the system
   */
  constructor(
    folder: { readonly root: string; readonly task: string; readonly maxBytes: number },
    { claims, mayWait }: { readonly claims: SessionCache['claims']; readonly mayWait: boolean },
  ) {
    this.#mayWait = mayWait;
    this.#store = new Store({ ...folder, seeEntry: (entry) => this.#read.push(shortKeyOf(entry)) });
    this.#claims = openClaims(claims);
  }

  /** True when some results were kept by the id of their document. */
  get hasIds(): boolean {
    return this.#hasIds || this.#store.hasIds;
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
  get(key: string): Kept | null {
    const own = this.#own.get(key);
    if (own !== undefined) {
      const { bytes } = own.seen;
      if (bytes !== null) return { bytes: bytes.subarray(timeSize), taskMs: own.taskMs };
    }
    return this.#safely(() => this.#store.get(key));
  }

  /**
   * Before a document: writes results that should not wait any longer, and reads the index when that was not
   * done for a while, for results that other programs have kept.
   */
  refresh(nowMs: number): void {
    if (this.#unwritten.length > 0 && (nowMs - this.#firstMs >= writeMs || !this.#claims.mayWait))
      this.write();
    if (nowMs - this.#readMs < refreshMs) return;
    this.#readMs = nowMs;
    this.readNew();
  }

  /** Reads what was kept in the meantime. */
  readNew(): void {
    this.#safely(() =>
      this.#claims.readIndex(() => {
        this.#store.readNew();
        const keys = this.#read;
        this.#read = [];
        return keys;
      }),
    );
    if (this.#own.size > this.#unwritten.length)
      this.#own = new Map(this.#unwritten.map((result) => [result.key, result]));
  }

  /** Likewise, when claims are over whose results were not read; returns true then. */
  readWritten(): boolean {
    if (!this.#claims.isIndexNewer) return false;
    this.readNew();
    return true;
  }

  /** Returns true when the document may run, and false when an equal one is running or has its result. */
  take(claim: Claim): boolean {
    return this.#safely(() => this.#claims.take(claim)) !== false;
  }

  /** Tells whether the other document that has claimed the key has ended, and reads its result then. */
  isOver(claim: Claim): boolean {
    this.readNew();
    if (this.#safely(() => this.#claims.isTaken(claim)) === true) return false;
    this.readWritten();
    return true;
  }

  /** True when the document has the claim now, after it has waited for another one. */
  holds(claim: Claim): boolean {
    return this.#claims.holds(claim);
  }

  /** Keeps the result of a document, which ends its claim on that key. */
  keep(result: EndedResult, nowMs: number): void {
    const { key, seen, claim, isOfId } = result;
    if (isOfId) this.#hasIds = true;
    if (claim !== null) {
      if (claim.key === key) this.#claims.ended(claim);
      else this.end(claim);
    }
    if (this.#unwritten.length === 0) this.#firstMs = nowMs;
    this.#unwritten.push(result);
    this.#own.set(key, result);
    const mayWait = this.#mayWait && seen.isCopy && isSmall(result) && this.#unwritten.length < maxUnwritten;
    if (!mayWait || nowMs - this.#firstMs >= writeMs || !this.#claims.mayWait) this.write();
    else this.#timer ??= setTimeout(() => this.write(), writeMs).unref();
  }

  /** Writes the results that are not written yet. */
  write(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const results = this.#unwritten;
    if (results.length === 0) return;
    this.#unwritten = [];
    const kept = this.#safely(() => this.#store.put(results.flatMap(newResult))) ?? [];
    const keys = new Set(kept.map(({ key }) => key));
    this.#safely(() => {
      for (const { key, claim } of results) {
        if (claim?.key === key) this.#claims[keys.has(key) ? 'written' : 'end'](claim);
        if (!keys.has(key)) this.#own.delete(key);
      }
    });
  }

  /** The document has no result that is kept. */
  end(claim: Claim): void {
    this.#safely(() => this.#claims.end(claim));
  }

  close(): void {
    this.write();
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

/** A result that is large, or whose task took long, is written at once: that costs little of its task. */
function isSmall({ taskMs, size }: EndedResult): boolean {
  return taskMs < longMs && size < largeBytes;
}

function newResult({ key, seen, taskMs, isOfId }: EndedResult): NewResult[] {
  const { bytes } = seen;
  return bytes === null ? [] : [{ key, bytes, taskMs, isOfId }];
}

/** The index is read at least this often, ms: other programs may have kept results. */
const refreshMs = 100;
/** A result waits for others at most this long, ms, while the worker begins documents or has none. */
const writeMs = 50;
/** At most this many results are written together. */
const maxUnwritten = 64;
/** Tasks that take this long, ms, and documents of this size, bytes, have results that do not wait. */
const longMs = 20;
const largeBytes = 65_536;
