import { setTimeout } from 'node:timers/promises';
import type { SessionCache } from '../../services/cache/cache-facts.js';
import { type Claim, claimant } from '../../services/cache/claims.js';
import { DocumentKeys, taskFolder } from '../../services/cache/keys.js';
import { Price } from '../../services/cache/price.js';
import { Seen } from '../../services/cache/seen.js';
import { SharedResults } from '../../services/cache/shared-results.js';
import { type Kept, timeSize } from '../../services/cache/store.js';
import type { Workload, WorkloadRef } from '../../workloads/workload.js';
import type { LocalReply, Mutable } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { now } from './clock.js';
import { isSameValue, valueIn } from './kept-value.js';
import type { Content, WasRead } from './read-reference.js';

/** A document that was read before its task begins. */
export interface Begun {
  readonly startedMs: number;
  /** Null where the document came with its bytes. */
  readonly read: WasRead | null;
  readonly seen: Seen;
}

/** Runs documents whose results are kept. */
export interface CachedTask {
  /** Results may be written a while later: see `SharedResults`. */
  readonly mayWait: boolean;
  /** Runs a document as without a cache; with `begun`, one that has its bytes now. */
  readonly run: (
    document: CarriedDocument,
    touch: () => void,
    begun: Begun | null,
  ) => LocalReply | Promise<LocalReply>;
  /** Reads a document by reference. May throw or reject. */
  readonly read: (document: CarriedDocument) => Content | Promise<Content>;
  /** The reply of a document whose result is this; null when it is none after all. */
  readonly reply: (value: () => unknown, begun: Begun, cachedMs: number) => LocalReply | null;
  /**
   * Waits while an equal document runs. The signal aborts when this one is cancelled.
   */
  readonly wait: (
    document: CarriedDocument,
    touch: () => void,
    until: (signal: AbortSignal) => Promise<void>,
  ) => Promise<void>;
  readonly failed: (cause: unknown) => LocalReply;
}

/**
 * Finds results before the task runs, and keeps them afterwards. The worker hashes the bytes, so that all
 * workers hash at the same time, and a document that the worker reads is read once.
 *
 * A document waits at most once for an equal one that is running. If it then finds no result (that one has
 * failed, or its result depends on its id), it runs itself, beside others that have waited with it.
 */
export class ResultCache {
  readonly #task: CachedTask;
  readonly #results: SharedResults;
  /** A document has read its id: others of the task will, too. */
  #readsId = false;
  /** This worker has turned the cache off. */
  #isOff = false;
  readonly #verify: number;
  readonly #digest: ((result: unknown) => string) | null;
  /** Weighs the task against a hash; null when it is worth keeping its results. */
  #price: Price | null = new Price();

  /** @throws Error of the system; what the task's `cacheKey` throws */
  static async open(
    cache: SessionCache,
    workload: Workload,
    { options, ...task }: CachedTask & { readonly options: WorkloadRef['options'] },
  ): Promise<ResultCache> {
    const folder = await taskFolder(cache.task, workload, options);
    return new ResultCache(cache, { folder, task, digest: workload.digest ?? null });
  }

  private constructor(
    { folder: root, claims, maxBytes, verify }: SessionCache,
    {
      folder,
      task,
      digest,
    }: {
      readonly folder: string;
      readonly task: CachedTask;
      readonly digest: ((result: unknown) => string) | null;
    },
  ) {
    this.#task = task;
    this.#verify = verify;
    this.#digest = digest;
    const { mayWait } = task;
    this.#results = new SharedResults({ root, task: folder, maxBytes }, { claims, mayWait });
  }

  run(document: CarriedDocument, touch: () => void): LocalReply | Promise<LocalReply> {
    if (this.#isOff || this.#results.isOff) return this.#task.run(document, touch, null);
    const startedMs = now();
    if (document.by === undefined)
      return this.#answer(document, touch, { startedMs, read: null, seen: new Seen() });
    const goOn = ({ bytes, read }: Content) => {
      const { index, id } = document;
      const begun = { startedMs, read, seen: new Seen() };
      return this.#answer({ index, id, size: bytes.length, bytes }, touch, begun);
    };
    // A document that cannot be read fails as without a cache, and may be tried again as without one.
    const plain = () => this.#task.run(document, touch, null);
    let content: Content | Promise<Content>;
    try {
      content = this.#task.read(document);
    } catch {
      return plain();
    }
    return content instanceof Promise ? content.then(goOn, plain) : goOn(content);
  }

  /** Writes the results that are not written yet. */
  write(): void {
    this.#results.write();
  }

  close(): void {
    this.#results.close();
  }

  /** Answers a document from the cache, or claims and runs it, or waits for an equal one that is running. */
  #answer(document: CarriedDocument, touch: () => void, begun: Begun): LocalReply | Promise<LocalReply> {
    const beganMs = now();
    const keys = new DocumentKeys(document);
    const hashMs = now() - beganMs;
    const run: Run = { document, touch, begun, keys, hashMs };
    this.#results.refresh(beganMs);
    const reply = this.#found(run);
    if (reply !== null) return reply;
    const key = this.#readsId ? keys.withId : keys.plain;
    const claim: Claim = { key, document: claimant(document) };
    if (this.#results.take(claim)) {
      const late = this.#results.readWritten() ? this.#found(run) : null;
      if (late === null) return this.#runAndKeep(run, claim);
      this.#results.end(claim);
      return late;
    }
    return this.#task
      .wait(document, touch, (signal) => poll(() => this.#results.isOver(claim), signal))
      .then(
        () => {
          const reply = this.#found(run);
          if (reply === null && this.#results.holds(claim)) return this.#runAndKeep(run, claim);
          this.#results.end(claim);
          return reply ?? this.#runAndKeep(run, null);
        },
        (cause: unknown) => this.#task.failed(cause),
      );
  }

  /** The reply of a document whose result is kept; null when none is. */
  #found(run: Run): LocalReply | Promise<LocalReply> | null {
    const { keys, hashMs } = run;
    const kept =
      this.#results.get(keys.plain) ?? (this.#results.hasIds ? this.#results.get(keys.withId) : null);
    if (kept === null) return null;
    const reply = this.#replyOf(kept, run);
    if (reply === null) return null;
    this.#weigh(kept.taskMs, hashMs);
    if (this.#verify === 0) return reply;
    if (this.#results.isOffNow()) return this.#task.run(run.document, run.touch, run.begun);
    return Math.random() < this.#verify ? this.#verified(kept, run) : reply;
  }

  #replyOf({ bytes, taskMs }: Kept, { begun }: Run): LocalReply | null {
    return this.#task.reply(() => valueIn(bytes), begun, taskMs);
  }

  #runAndKeep(
    { document, touch, begun, keys, hashMs }: Run,
    claim: Claim | null,
  ): LocalReply | Promise<LocalReply> {
    const beganMs = now();
    const end = (reply: Mutable<LocalReply>): LocalReply => {
      const { seen } = begun;
      const { id: isOfId } = seen;
      if (isOfId) this.#readsId = true;
      const endedMs = now();
      const taskMs = endedMs - beganMs;
      if (reply.status === 'ok') this.#weigh(taskMs, hashMs);
      if (reply.status === 'ok' && seen.hasResult) {
        const key = isOfId ? keys.withId : keys.plain;
        this.#results.keep({ key, seen, taskMs, size: document.size, isOfId, claim }, endedMs);
      } else if (claim !== null) this.#results.end(claim);
      // Reading and hashing are a part of the document's time; a wait for a service is none.
      const readMs = beganMs - begun.startedMs;
      reply.startedMs -= readMs;
      reply.taskMs += readMs;
      return reply;
    };
    const reply = this.#task.run(document, touch, begun);
    return reply instanceof Promise ? reply.then(end) : end(reply);
  }

  /** Runs a document although its result is there. When it fails now, it has the result that was kept. */
  #verified(kept: Kept, run: Run): LocalReply | Promise<LocalReply> {
    const { document, touch, begun } = run;
    const compared = (reply: LocalReply): LocalReply => {
      if (reply.status !== 'ok') return this.#replyOf(kept, run) ?? reply;
      const { bytes } = begun.seen;
      const isSame =
        bytes !== null && isSameValue(valueIn(kept.bytes), valueIn(bytes.subarray(timeSize)), this.#digest);
      if (!isSame)
        this.#turnOff(
          `the document "${document.id}" has another result now than the one that was kept, so the cache ` +
            'is not used any more: export `cacheKey` or `cacheEnv`, which name what the result depends on, ' +
            'and remove the folder of the cache',
        );
      return reply;
    };
    const reply = this.#task.run(document, touch, begun);
    return reply instanceof Promise ? reply.then(compared) : compared(reply);
  }

  /** Learns how long a task takes, and turns the cache off when that is less than the cache costs. */
  #weigh(taskMs: number, hashMs: number): void {
    if (this.#price === null) return;
    const refusal = this.#price.learn(taskMs, hashMs);
    if (this.#price.isKnown) this.#price = null;
    if (refusal !== null) this.#turnOff(refusal);
  }

  /** Turns the cache off for all workers of the session; one of them says so. */
  #turnOff(why: string): void {
    this.#isOff = true;
    if (this.#results.turnOff()) process.emitWarning(why);
  }
}

interface Run {
  readonly document: CarriedDocument;
  readonly touch: () => void;
  readonly begun: Begun;
  readonly keys: DocumentKeys;
  /** The bytes were hashed in this time. */
  readonly hashMs: number;
}

/** Waits until it is over. An equal document that is running for very long is not waited for any more. */
async function poll(isOver: () => boolean, signal: AbortSignal): Promise<void> {
  const untilMs = now() + maxWaitMs;
  for (let ms = 1; !isOver() && now() < untilMs; ms = Math.min(maxPauseMs, ms * 1.5))
    await setTimeout(ms, undefined, { signal });
}

const maxPauseMs = 20;
const maxWaitMs = 10 * 60_000;
