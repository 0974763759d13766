import { setTimeout } from 'node:timers/promises';
import { deserialize } from 'node:v8';
import type { SessionCache } from '../../services/cache/cache-facts.js';
import { Claims, claimant } from '../../services/cache/claims.js';
import { documentKey } from '../../services/cache/keys.js';
import { Seen } from '../../services/cache/seen.js';
import { Store } from '../../services/cache/store.js';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { now } from './clock.js';
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
   * Waits while an equal document runs; `isOver` is asked now and then. Rejects when this one is cancelled.
   */
  readonly wait: (document: CarriedDocument, touch: () => void, isOver: () => boolean) => Promise<unknown>;
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

  /** @param folder the task's results have this name in the cache. @throws Error of the system */
  constructor({ folder: root, claims, maxBytes }: SessionCache, folder: string, task: CachedTask) {
    this.#task = task;
    this.#store = new Store({ root, task: folder, maxBytes });
    this.#claims = new Claims(claims);
  }

  run(document: CarriedDocument, touch: () => void): LocalReply | Promise<LocalReply> {
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
    const keys = new Keys(document);
    const reply = this.#lookUp(keys, begun);
    if (reply !== null) return reply;
    const claimed = this.#readsId ? keys.withId : keys.plain;
    const name = claimant(document);
    if (this.#safely(() => this.#claims.take(claimed, name)) !== false) {
      // An equal document may have ended since the look at the store.
      const late = this.#lookUp(keys, begun);
      if (late === null) return this.#run({ document, touch, begun, keys, claimed: name });
      this.#safely(() => this.#claims.end(name));
      return late;
    }
    return this.#task
      .wait(document, touch, () => !this.#claims.isTaken(claimed))
      .then(
        () => this.#lookUp(keys, begun) ?? this.#run({ document, touch, begun, keys, claimed: null }),
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

  #lookUp(keys: Keys, begun: Begun): LocalReply | null {
    return this.#replyOf(keys.plain, begun) ?? this.#replyOf(keys.withId, begun);
  }

  #replyOf(key: Buffer, begun: Begun): LocalReply | null {
    const kept = this.#safely(() => this.#store.get(key));
    return kept === null ? null : this.#task.reply(() => deserialize(kept.bytes), begun, kept.taskMs);
  }

  #run({ document, touch, begun, keys, claimed }: Run): LocalReply | Promise<LocalReply> {
    const beganMs = now();
    const end = (reply: Mutable<LocalReply>): LocalReply => {
      const { seen } = begun;
      if (seen.id) this.#readsId = true;
      const taskMs = now() - beganMs;
      this.#safely(() => {
        const { bytes } = seen;
        if (reply.status === 'ok' && bytes !== null)
          this.#store.put(seen.id ? keys.withId : keys.plain, { bytes, taskMs });
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
  /** The document's name in the claims; null where it runs without a claim. */
  readonly claimed: Buffer | null;
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

/** A document that waits looks this often, ms: first often, then seldom. */
export async function poll(isOver: () => boolean, signal: AbortSignal): Promise<void> {
  for (let ms = 1; !isOver(); ms = Math.min(20, ms * 1.5)) await setTimeout(ms, undefined, { signal });
}
