import { documentKey } from '../../../services/document-key.js';
import { type Context, contextWithoutSession, type Document } from '../../../workloads/workload.js';
import type { PeerTask } from '../peer-task.js';

/**
 * The context of one document where a peer runs the bare task. Everything but the key is the same for all
 * documents of a worker.
 */
export class PlainContext implements Context {
  readonly state: unknown;
  readonly options: Context['options'];
  readonly signal: AbortSignal;
  readonly limit: Context['limit'];
  readonly ask: Context['ask'];
  readonly onBroadcast: Context['onBroadcast'];
  readonly #runId: string;
  readonly #id: string;

  constructor({ shared, runId }: PlainTask, id: string) {
    this.state = shared.state;
    this.options = shared.options;
    this.signal = shared.signal;
    this.limit = shared.limit;
    this.ask = shared.ask;
    this.onBroadcast = shared.onBroadcast;
    this.#runId = runId;
    this.#id = id;
  }

  get key(): string {
    return documentKey(this.#runId, this.#id);
  }
}

interface PlainTask {
  readonly shared: Context;
  readonly runId: string;
}

/** Returns what makes the context of each document. */
export function plainContexts(
  { options, runId }: PeerTask,
  { state, signal }: Pick<Context, 'state' | 'signal'>,
): (document: Pick<Document, 'id'>) => Context {
  const task = { shared: contextWithoutSession({ state, options, signal }), runId };
  return ({ id }) => new PlainContext(task, id);
}
