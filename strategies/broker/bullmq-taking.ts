import { clearInterval, setImmediate, setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobJson, Worker } from 'bullmq';
import { now } from '../worker/clock.js';
import type { BatchMark, TakeOptions, Taking } from './engine.js';
import { whenWritable } from './redis.js';

/** After Redis has refused a batch, for lack of memory perhaps, the agent asks again in this time, ms. */
const refusedPauseMs = 200;
/**
 * A batch that has come after a longer wait, ms, is probably alone. The agent then waits for a notice of the
 * next one. To ask would cost a script that finds nothing, just when the agent has a result to post.
 */
const idleMs = 5;

/** The documents of batches are here. */
export interface Blobs {
  /** Returns null where the broker has none. */
  get(batch: number): Promise<Uint8Array | null>;
  /** Uses the memory of the documents again. */
  free(blob: Uint8Array): void;
}

/**
 * An agent takes its batches with BullMQ's functions for taking jobs by hand. BullMQ's own loop would fetch
 * up to its concurrency whenever there are jobs, and a lone document would wait at a busy agent while another
 * one has nothing to do: `wantsMore` could not be asked before each batch.
 */
export class BullmqTaking implements Taking {
  readonly #worker: TakingWorker;
  readonly #options: TakeOptions;
  readonly #blobs: Blobs;
  /** The jobs that are here, with the locks' tokens. */
  readonly #held = new Map<string, string>();
  readonly #renewing: NodeJS.Timeout;
  #lastToken = 0;
  #stopped = false;
  #abandoned = false;
  /** The loop waits until it is asked to look again; null while it does something else. */
  #look: (() => void) | null = null;
  /** `stop` waits until no job is here. */
  #idle: (() => void) | null = null;

  constructor(worker: TakingWorker, options: TakeOptions, blobs: Blobs) {
    this.#worker = worker;
    this.#options = options;
    this.#blobs = blobs;
    this.#renewing = setInterval(() => void this.#renew(), options.lockMs / 2);
    void this.#fetchAll();
  }

  look(): void {
    this.#look?.();
    this.#look = null;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.look();
    if (this.#held.size > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    await this.#close();
  }

  async abandon(): Promise<void> {
    this.#stopped = true;
    this.#abandoned = true;
    this.look();
    await this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#renewing);
    await this.#worker.close(true).catch(() => {});
  }

  /** True when another batch would begin soon after it has come. */
  get #wants(): boolean {
    const { credit, wantsMore } = this.#options;
    return !this.#stopped && this.#held.size < credit && (this.#held.size === 0 || wantsMore());
  }

  /** Fetches the batches that do not come with the end of another one. */
  async #fetchAll(): Promise<void> {
    // A worker that was closed with its connection answers at once that there is no job.
    while (!this.#stopped && this.#worker.closing === undefined) {
      if (!this.#wants) {
        await this.#looked();
        continue;
      }
      const token = this.#nextToken();
      try {
        const askedMs = now();
        const job = await this.#worker.getNextJob(token); // waits some seconds when there is none
        if (job === undefined) continue;
        this.#begin(job, token);
        if (now() - askedMs > idleMs) await this.#worker.jobOf();
        await this.#looked(); // `wantsMore` does not know yet what the batch has
      } catch {
        await sleep(refusedPauseMs);
      }
    }
  }

  #looked(): Promise<void> {
    return new Promise((resolve) => {
      this.#look = resolve;
    });
  }

  #begin(job: Job, token: string): void {
    if (this.#abandoned) return; // its lock runs out
    this.#held.set(job.id as string, token);
    this.#process(job, token).catch(() => {}); // the lock was lost: another agent has the batch
  }

  async #process(job: Job, token: string): Promise<void> {
    const id = job.id as string;
    try {
      const batch = Number(id.slice(1));
      const mark = job.progress;
      const blob = await this.#blobs.get(batch);
      const done = this.#options.work({
        batch,
        blob,
        free: () => blob !== null && this.#blobs.free(blob),
        lost: job.stalledCounter,
        mark: isMark(mark) ? mark : null,
        leaveMark: ({ position, tries }) => whenWritable(() => job.updateProgress({ position, tries })),
      });
      setImmediate(() => this.look()); // the documents are with their workers by then
      await done;
      this.#held.delete(id);
      await this.#complete(job, token);
    } finally {
      if (this.#held.get(id) === token) this.#held.delete(id);
      this.look();
      if (this.#held.size === 0) this.#idle?.();
    }
  }

  /** Completes a job, which brings the next one if that is wanted. */
  async #complete(job: Job, token: string): Promise<void> {
    if (this.#abandoned) return;
    const wants = this.#wants;
    const next = (await whenWritable(() => job.moveToCompleted(null, token, wants))) as Next | undefined;
    if (!wants) return;
    const [data, id] = next ?? [null, null];
    const nextJob = await this.#worker.jobOf(data || undefined, id || undefined, token);
    if (nextJob !== undefined) this.#begin(nextJob, token);
  }

  async #renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const [ids, tokens] = [[...this.#held.keys()], [...this.#held.values()]];
    await this.#worker.extendJobLocks(ids, tokens, this.#options.lockMs).catch(() => {}); // tries again
  }

  #nextToken(): string {
    return `${this.#worker.id}:${++this.#lastToken}`;
  }
}

/** A worker of BullMQ that also says what came with the end of a job. */
export interface TakingWorker extends Worker {
  /**
   * Makes a job of what BullMQ gave. After nothing was given, the worker waits for a notice of the next job
   * before it asks again.
   */
  jobOf(data?: JobJson, id?: string, token?: string): Promise<Job | undefined>;
}

/** BullMQ gives the next job in this form, or zeros. */
type Next = readonly [JobJson | null, string | null];

function isMark(progress: unknown): progress is BatchMark {
  return typeof progress === 'object' && progress !== null && 'position' in progress && 'tries' in progress;
}
