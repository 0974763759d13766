import { Child, type ChildKind, type StartOptions } from '../processes/child.js';
import { Death } from '../processes/death.js';
import { maxDeathsBeforeStart } from '../session/attempts.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import type { Engine, Member } from '../strategy.js';
import type { Answer, Start, ToChild } from './protocol.js';

export interface LaneChildrenOptions extends StartOptions, Omit<Start, 'perWorker'> {
  /** A child with threads of its own starts with these values beside those of `Start`. Others have none. */
  readonly inside?: object;
  /** A child runs `atOnce` documents at the same time, and starts with `perWorker`. Both may change. */
  readonly perChild: { readonly perWorker: number; readonly atOnce: number };
  /** False where the child itself ends tasks that take too long. */
  readonly watchesTime: boolean;
  readonly hidden: HiddenEnds;
}

export type QueueChild = Child<ToChild, Answer>;

/**
 * The children of one lane, which follow each other. One of them at a time gets batches:
 *
 *   started    when the lane is opened, and by the next batch or report when there is no child
 *   ended      the next one that is started takes its place
 *   retiring   it is near a limit of its memory: it finishes the batches that it has and ends, while another
 *              child gets the new ones
 *
 * This class knows no documents. `process-lane.ts` decides what happens to those of a child that has ended.
 */
export class LaneChildren {
  readonly #options: LaneChildrenOptions;
  readonly #kind: ChildKind<ToChild>;
  #child: Promise<QueueChild> | null = null;
  /** Children that end when they have answered, because they were near a limit of their memory. */
  readonly #retiring = new Set<QueueChild>();
  #replaced = 0;
  #killed: Error | null = null;

  constructor(options: LaneChildrenOptions) {
    this.#options = options;
    this.#kind = childKind(options);
  }

  /** Resolves when the child has loaded its workload; rejects with the reason why it could not. */
  open(): Promise<QueueChild> {
    this.#child ??= this.#start();
    return this.#child;
  }

  async #start(): Promise<QueueChild> {
    try {
      const child = await Child.start<ToChild, Answer>(this.#options, this.#kind);
      child.ended.then(() => {
        if (!child.isRetiring) this.#child = null;
        if (child.idleEnd !== null && this.#killed === null) this.#options.hidden.report(child.idleEnd);
      });
      return child;
    } catch (cause) {
      this.#child = null;
      throw cause;
    }
  }

  /** Calls `work` with the child that gets batches. A child that is retired meanwhile ends after `work`. */
  async use<T>(work: (child: QueueChild) => Promise<T>): Promise<T> {
    for (;;) {
      const child = await this.open();
      if (!child.isRetiring) return child.use(() => work(child));
    }
  }

  /** Gives the child no more batches. It finishes the batches it has, and they count as usual. */
  retire(child: QueueChild): void {
    if (child.isRetiring) return;
    this.#child = null;
    this.#replaced++;
    this.#retiring.add(child);
    void child.ended.then(() => this.#retiring.delete(child));
    child.retire();
  }

  /** Number of children that were replaced near a limit of their memory. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Sends a message that has no answer to all children. */
  tell(message: ToChild): void {
    this.#each((child) => child.tell(message));
  }

  /** Cancels the document if a child has it. */
  cancel(index: number): void {
    this.#each((child) => child.cancel(index));
  }

  /** Asks the child for its usage. Call it only between runs. */
  async report(): Promise<{ readonly member: Member; readonly engines: readonly Engine[] }> {
    for (let tries = 1; ; tries++) {
      try {
        const child = await this.open();
        return (await child.ask({ kind: 'report' })) as Extract<Answer, { kind: 'report' }>;
      } catch (cause) {
        if (!(cause instanceof Death) || tries === maxDeathsBeforeStart) throw cause;
      }
    }
  }

  /** Ends the processes, and gives `killed` its reason. */
  kill(): void {
    this.#killed = new Error('the session was ended');
    this.#each((child) => child.kill());
  }

  /** The reason why no child may be started any more; null before `kill`. */
  get killed(): Error | null {
    return this.#killed;
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    await child?.close();
    await Promise.all([...this.#retiring].map((child) => child.ended));
  }

  /** A child that is being started is included when it is ready. */
  #each(act: (child: QueueChild) => void): void {
    this.#child?.then(act, () => {});
    for (const child of this.#retiring) act(child);
  }
}

/** A child that ends tasks itself is only killed when it does not do so, ms. */
const moreGraceMs = 4000;

/** Says how the children of this strategy start, what they answer with, and how long a batch may take. */
function childKind(options: LaneChildrenOptions): ChildKind<ToChild> {
  const { workload, workers, fd, services, timeoutMs, heapMb, perChild, watchesTime, inside } = options;
  return {
    get start() {
      const own = { workload, workers, fd: fd === null ? null : 4, services, timeoutMs, heapMb };
      return { ...inside, ...own, perWorker: perChild.perWorker } satisfies Start;
    },
    ...(!watchesTime && { moreGraceMs }),
    atOnce: () => perChild.atOnce,
    isAlone: (message) => message.kind === 'batch' && message.alone === true,
    answers: ['replies', 'piece', 'report'] satisfies Answer['kind'][],
    limitOf: (message) =>
      message.kind !== 'batch' || timeoutMs === undefined || !watchesTime
        ? null
        : { ms: timeoutMs, isWatched: message.watched },
  };
}
