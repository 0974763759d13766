import { crashed, mostAttempts, timedOut } from '../session/outcome.js';
import type { Engine, Member, Outcome } from '../strategy.js';
import { processWorker } from '../worker/worker-id.js';
import { Child, Death, type StartOptions } from './child.js';
import type { Answer, Parcel } from './protocol.js';
import type { Batch } from './puller.js';
import { writeRegion } from './regions.js';
import { outcomesOf } from './replies.js';

/** So many children in a row may end before they have begun with a document; then something else is to blame. */
const mostBarren = 3;
/** So many may end with a document in their hands and none done in between: a dozen documents that crash. */
const mostVain = 24;

export interface LaneOptions extends StartOptions {
  /** Where in the shared file its regions begin. */
  readonly offset: number;
  readonly regionBytes: number;
}

/**
 * One worker and its regions; a new process takes the place of one that ended. The documents of every request without
 * an answer are then sent again, one by one and watched, each at most twice: one that ends both processes has crashed. One
 * that takes too long has timed out when it was alone; what its neighbours in a batch took is not its own time.
 */
export class Lane {
  readonly #options: LaneOptions;
  #child: Promise<Child> | null = null;
  #suspects: Promise<unknown> = Promise.resolve();
  #barren = 0;
  #vain = 0;
  #broken: Error | null = null;
  #fileFailed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Resolves when the child has loaded its workload; rejects with the reason it could not. */
  open(): Promise<Child> {
    this.#child ??= this.#start();
    return this.#child;
  }

  /** Whether its processes end before they do anything. All it is given crashes then. */
  get broken(): boolean {
    return this.#broken !== null;
  }

  /** Another run, another chance. */
  renew(): void {
    this.#barren = 0;
    this.#vain = 0;
    this.#broken = null;
  }

  /** One outcome a document. Never rejects. @param region which of the lane's regions is the caller's */
  async process(batch: Batch, region: number): Promise<Outcome[]> {
    if (this.#broken === null) {
      try {
        const single = batch.documents.length === 1 && this.#options.timeoutMs !== undefined;
        return await this.#send(batch, { region, watched: single });
      } catch (cause) {
        // The child ended, or there is none.
        const late = this.#late(batch, cause);
        if (late !== null) return [late];
      }
    }
    const turn = this.#suspects.then(() => this.#oneByOne(batch, region));
    this.#suspects = turn;
    return turn;
  }

  /** Between runs alone. */
  async report(): Promise<{ readonly member: Member; readonly engine: Engine }> {
    for (let tries = 1; ; tries++) {
      try {
        const child = await this.open();
        return (await child.ask({ kind: 'report' })) as Extract<Answer, { kind: 'report' }>;
      } catch (cause) {
        if (!(cause instanceof Death) || tries === mostBarren) throw cause;
      }
    }
  }

  /** Ends its process; all it is given from now on has crashed. */
  kill(): void {
    this.#broken = new Error('the session was ended');
    this.#child?.then(
      (child) => child.kill(),
      () => {},
    );
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    await child?.close();
  }

  async #start(): Promise<Child> {
    try {
      const child = await Child.start(this.#options);
      child.ended.then(() => {
        this.#child = null;
      });
      return child;
    } catch (cause) {
      this.#child = null;
      throw cause;
    }
  }

  async #send(batch: Batch, how: { readonly region: number; readonly watched: boolean }): Promise<Outcome[]> {
    const child = await this.open();
    const answer = (await child.ask(this.#parcel(batch, how))) as Extract<Answer, { kind: 'replies' }>;
    this.#barren = 0;
    this.#vain = 0;
    return outcomesOf(batch, processWorker(child.pid), answer);
  }

  #parcel(
    { documents }: Batch,
    { region, watched }: { readonly region: number; readonly watched: boolean },
  ): Parcel {
    const bytes = documents.map(({ bytes }) => bytes);
    const lengths = bytes.map(({ length }) => length);
    return {
      kind: 'parcel',
      ids: documents.map(({ id }) => id),
      indexes: documents.map(({ index }) => index),
      lengths,
      documents: this.#place(bytes, lengths, region) ?? bytes,
      watched,
    };
  }

  /** Writes the documents into the region and says where they begin; `null` when they must travel in the message. */
  #place(bytes: readonly Uint8Array[], lengths: readonly number[], region: number): number | null {
    const { fd, offset, regionBytes } = this.#options;
    if (fd === null || this.#fileFailed || lengths.reduce((sum, length) => sum + length, 0) > regionBytes)
      return null;
    const position = offset + region * regionBytes;
    try {
      writeRegion(fd, bytes, position);
      return position;
    } catch (cause) {
      // A file system that never writes in place can still be full.
      this.#fileFailed = true;
      process.emitWarning(
        `queue: documents of one worker travel in messages from now on: ${messageOf(cause)}`,
      );
      return null;
    }
  }

  async #oneByOne({ documents, pulledMs }: Batch, region: number): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [i, document] of documents.entries()) {
      outcomes.push(await this.#alone({ documents: [document], pulledMs: [pulledMs[i] as number] }, region));
    }
    return outcomes;
  }

  /** A batch of one. Ends when the child answers, ends while it is at it, or when the lane is found broken. */
  async #alone(batch: Batch, region: number): Promise<Outcome> {
    const [document] = batch.documents as [Batch['documents'][number]];
    let attempts = 0;
    while (this.#broken === null) {
      try {
        const [outcome] = await this.#send(batch, { region, watched: true });
        return outcome as Outcome;
      } catch (cause) {
        const late = this.#late(batch, cause);
        if (late !== null) return late;
        if (cause instanceof Death && cause.began) {
          this.#barren = 0;
          if (++this.#vain >= mostVain)
            this.#broken = new Error(
              `${mostVain} worker processes in a row ended before any document was done`,
              { cause },
            );
          if (++attempts < mostAttempts) continue;
          return crashed(document, cause, attempts);
        }
        if (++this.#barren >= mostBarren) this.#broken = brokenBy(cause);
      }
    }
    return crashed(document, this.#broken);
  }

  /** The outcome of the only document of a batch, when the child was ended because that took too long. */
  #late({ documents }: Batch, cause: unknown): Outcome | null {
    if (!(cause instanceof Death && cause.timedOut && cause.began) || documents.length !== 1) return null;
    this.#barren = 0;
    return timedOut(documents[0] as Batch['documents'][number], this.#options.timeoutMs as number);
  }
}

function brokenBy(cause: unknown): Error {
  return new Error(
    `${mostBarren} worker processes in a row ended before they did any work, the last so: ${messageOf(cause)}`,
    { cause },
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
