import type { Document } from '../../workloads/workload.js';

/** Names the method of a source of ours: users' sources may have a `ready` of their own. */
export const ready = Symbol('ready');

/**
 * A source that does not always have a document, and can say at once whether it has: a promise a document costs more than the
 * document, where tasks take microseconds. Whoever does not know of it asks with `next` alone.
 */
export interface Source extends AsyncIterator<Document> {
  /** What `next` would give, or null when it would have to be waited for. Not to be asked while a `next` is under way. */
  [ready]?(): IteratorResult<Document> | null;
}
