import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DefaultDeserializer } from 'node:v8';
import type { SessionCache } from '../../services/cache/cache-facts.js';
import { Claims, claimant } from '../../services/cache/claims.js';
import { documentKey, taskFolder } from '../../services/cache/keys.js';
import { Price } from '../../services/cache/price.js';
import { Seen } from '../../services/cache/seen.js';
import { type Kept, Store } from '../../services/cache/store.js';
import type { Workload, WorkloadRef } from '../../workloads/workload.js';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { now } from './clock.js';
import { copyOfView } from './large-parts.js';
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
  readonly #store: Store;
  readonly #claims: Claims;
  /** A document has read its id: others of the task will, too. */
  #readsId = false;
  #hasWarned = false;
  /** A worker of the session has turned the cache off. */
  #isOff = false;
  readonly #verify: number;
  readonly #digest: ((result: unknown) => string) | null;
  /** Weighs the task against a hash; null when it is worth keeping its results. */
  #price: Price | null = new Price();

  /** @throws Error of the system; what the task's `cacheKey` throws */
  static async open(
    cache: SessionCache,
    workload: Workload,
    { options, task }: { readonly options: WorkloadRef['options']; readonly task: CachedTask },
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
    this.#store = new Store({ root, task: folder, maxBytes });
    this.#claims = new Claims(claims);
  }

  run(document: CarriedDocument, touch: () => void): LocalReply | Promise<LocalReply> {
    if (this.#isOff || this.#claims.isOff) return this.#task.run(document, touch, null);
    const startedMs = now();
    if (document.by === undefined)
      return this.#found(document, touch, { startedMs, read: null, seen: new Seen() });
    const goOn = ({ bytes, read }: Content) => {
      const { index, id } = document;
      const begun = { startedMs, read, seen: new Seen() };
      return this.#found({ index, id, size: bytes.length, bytes }, touch, begun);
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

  close(): void {
    this.#store.close();
    this.#claims.close();
  }

  #found(document: CarriedDocument, touch: () => void, begun: Begun): LocalReply | Promise<LocalReply> {
    const beganMs = now();
    const keys = new Keys(document);
    const hashMs = now() - beganMs;
    const run: Run = { document, touch, begun, keys, hashMs, claimed: null };
    const reply = this.#lookUp(run, false);
    if (reply !== null) return reply;
    const claimed = this.#readsId ? keys.withId : keys.plain;
    const name = claimant(document);
    if (this.#safely(() => this.#claims.take(claimed, name)) !== false) {
      // Another worker may have kept the result of an equal document.
      const late = this.#lookUp(run, true);
      if (late === null) return this.#run({ ...run, claimed: name });
      this.#safely(() => this.#claims.end(name));
      return late;
    }
    // A worker may have ended between keeping the result and saying so.
    const isOver = () => !this.#claims.isTaken(claimed) || this.#kept(claimed, true) !== null;
    return this.#task
      .wait(document, touch, (signal) => poll(isOver, signal))
      .then(
        () => this.#lookUp(run, true) ?? this.#run(run),
        (cause: unknown) => this.#task.failed(cause),
      );
  }

  /** A full disk, or a folder that was removed, costs results and fails no document. */
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

  /** @param isNew also finds what other workers have kept in the meantime */
  #lookUp(run: Run, isNew: boolean): LocalReply | Promise<LocalReply> | null {
    const { keys, hashMs } = run;
    const kept =
      this.#kept(keys.plain, isNew) ?? (this.#store.hasIds ? this.#kept(keys.withId, false) : null);
    if (kept === null) return null;
    const reply = this.#replyOf(kept, run);
    if (reply === null) return null;
    this.#weigh(kept.taskMs, hashMs);
    if (this.#verify === 0) return reply;
    this.#safely(() => this.#claims.read());
    if (this.#claims.isOff) return this.#task.run(run.document, run.touch, run.begun);
    return Math.random() < this.#verify ? this.#verified(kept, run) : reply;
  }

  #kept(key: Buffer, isNew: boolean): Kept | null {
    return this.#safely(() => this.#store.get(key, isNew));
  }

  #replyOf({ bytes, taskMs }: Kept, { begun }: Run): LocalReply | null {
    return this.#task.reply(() => deserialize(bytes), begun, taskMs);
  }

  /** Runs a document although its result is there. When it fails now, it has the result that was kept. */
  #verified(kept: Kept, run: Run): LocalReply | Promise<LocalReply> {
    const { document, touch, begun } = run;
    const compared = (reply: LocalReply): LocalReply => {
      if (reply.status !== 'ok') return this.#replyOf(kept, run) ?? reply;
      const { bytes } = begun.seen;
      if (bytes === null || !this.#isSame(kept.bytes, bytes))
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

  /** Compares what must be equal: what the task's `digest` returns, or else the results. */
  #isSame(kept: Buffer, found: Buffer): boolean {
    const [a, b] = [deserialize(kept), deserialize(found)] as [unknown, unknown];
    return this.#digest === null ? isDeepStrictEqual(a, b) : this.#digest(a) === this.#digest(b);
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
    if (this.#safely(() => this.#claims.turnOff()) !== false) process.emitWarning(why);
  }

  #run({ document, touch, begun, keys, hashMs, claimed }: Run): LocalReply | Promise<LocalReply> {
    const beganMs = now();
    const end = (reply: Mutable<LocalReply>): LocalReply => {
      const { seen } = begun;
      if (seen.id) this.#readsId = true;
      const taskMs = now() - beganMs;
      if (reply.status === 'ok') this.#weigh(taskMs, hashMs);
      this.#safely(() => {
        const { bytes } = seen;
        if (reply.status === 'ok' && bytes !== null)
          this.#store.put(seen.id ? keys.withId : keys.plain, { bytes, taskMs }, seen.id);
        if (claimed !== null) this.#claims.end(claimed);
      });
      // Reading and hashing are a part of the document's time; a wait for a service is none.
      const readMs = beganMs - begun.startedMs;
      reply.startedMs -= readMs;
      reply.taskMs += readMs;
      return reply;
    };
    const reply = this.#task.run(document, touch, begun);
    return reply instanceof Promise ? reply.then(end) : end(reply);
  }
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

interface Run {
  readonly document: CarriedDocument;
  readonly touch: () => void;
  readonly begun: Begun;
  readonly keys: Keys;
  /** The bytes were hashed in this time. */
  readonly hashMs: number;
  /** The document's name in the claims; null where it runs without a claim. */
  readonly claimed: number | null;
}

/** The keys under which a document's result may be. A task may change the bytes, so they are hashed first. */
class Keys {
  readonly plain: Buffer;
  readonly #id: string;
  #withId: Buffer | null = null;

  constructor({ bytes, id }: CarriedDocument) {
    this.plain = documentKey(bytes);
    this.#id = id;
  }

  get withId(): Buffer {
    this.#withId ??= documentKey(this.plain, this.#id);
    return this.#withId;
  }
}

/** Waits until it is over. An equal document that is running for very long is not waited for any more. */
async function poll(isOver: () => boolean, signal: AbortSignal): Promise<void> {
  const untilMs = now() + maxWaitMs;
  for (let ms = 1; !isOver() && now() < untilMs; ms = Math.min(maxPauseMs, ms * 1.5))
    await setTimeout(ms, undefined, { signal });
}

const maxPauseMs = 20;
const maxWaitMs = 10 * 60_000;

/** Reads a value whose typed arrays have memory of their own, as the task's result had. */
function deserialize(bytes: Buffer): unknown {
  const reader = new OwnParts(bytes);
  reader.readHeader();
  return reader.readValue();
}

class OwnParts extends DefaultDeserializer {
  _readHostObject(): unknown {
    const part = (DefaultDeserializer.prototype as unknown as HostReader)._readHostObject.call(this);
    return ArrayBuffer.isView(part) ? copyOfView(part) : part;
  }
}

interface HostReader {
  _readHostObject(): unknown;
}
