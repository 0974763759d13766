import { join } from 'node:path';
import type { AdaptiveStats } from '../../../runner/adaptive.js';
import { type CacheStats, together } from '../../../runner/cache-use.js';
import { openForRunner, type RunnerOptions } from '../../../runner/create-runner.js';
import { heapLimitMb } from '../../../strategies/processes/limits.js';
import { limitsOf } from '../../../strategies/processes/memory-share.js';
import { isolates, type StrategyTraits } from '../../../strategies/strategy.js';
import { nothingLeftOut, type WalkEntry } from '../../../workloads/file-walk.js';
import type { TaskFile } from '../../../workloads/task-file.js';
import { RunError } from '../../errors.js';
import type { Claim, Share } from '../../groups/budget.js';
import type { Group } from '../../groups/plan.js';
import type { Reducer } from '../../groups/reduce.js';
import { findEarlier } from '../../job/again.js';
import { FileCount } from '../../job/count-files.js';
import { OutFile } from '../../job/out-file.js';
import type { Summary } from '../../job/summary.js';
import { JobFiles } from '../job-files.js';
import type { OwnProcess } from '../own-process.js';
import { runAll } from '../run-all.js';
import { againOf, type RunFlags } from '../run-request.js';
import { perWorkerOf } from '../run-settings.js';
import { noteSlowStart } from '../slow-start.js';

/** A group with everything that was looked up before the job began. */
export interface ReadyGroup {
  readonly group: Group;
  readonly flags: RunFlags;
  readonly options: RunnerOptions & { readonly workers: number };
  readonly traits: StrategyTraits;
  readonly task: TaskFile;
  readonly claim: Claim;
  /**
   * True where the job says something about the service of the task. One session then has all documents,
   * because limits, pauses and the circuit are those of a session.
   */
  readonly hasService: boolean;
  /** The compiled module of its reduction. */
  readonly reducer: Reducer | null;
  readonly broker: string | null;
}

export interface GroupEvents {
  readonly version: string;
  readonly stop: AbortSignal;
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Lines were written, or the number of documents is known now. */
  readonly progress: () => void;
  /** Watches a job whose tasks run on this thread. */
  readonly watch: (output: OutFile) => OwnProcess;
}

/** One more worker is worth it if what is left takes this many times as long as workers take to start. */
const worthStarts = 3;

/**
 * A group that is running. Its first session has the workers that it began with; when cores are left, further
 * sessions take documents from the same walk, so workers move to where the work is.
 */
export class GroupRun {
  readonly ready: ReadyGroup;
  readonly output: OutFile;
  /** False when an earlier call of the command has done all documents. */
  readonly needsWorkers: boolean = true;
  /** Null until all documents have been counted. */
  documents: number | null = null;
  readonly #events: GroupEvents;
  readonly #files: JobFiles;
  readonly #before: number;
  readonly #changed: number;
  readonly #leftOut = nothingLeftOut();
  readonly #broken = new AbortController();
  readonly #entries: Iterator<WalkEntry>;
  readonly #count: FileCount;
  readonly #startedMs = performance.now();
  /** The sessions that are open, with what they use. */
  readonly #open = new Set<Share>();
  /** Sessions whose workers have started. */
  #working = 0;
  #hasFoundAll = false;
  #areComplete = true;
  #found = 0;
  #workersReplaced = 0;
  /** The number of documents at the same time when the group last ran, where it follows the load. */
  #adaptive: AdaptiveStats | undefined;
  /** What the caches of all sessions have done together. */
  #cache: CacheStats | undefined;
  #maxWorkers = 0;
  #startMs = 0;
  #elapsedMs = 0;

  /** Opens the results and looks for documents that have their lines. @throws as `OutFile` does */
  constructor(ready: ReadyGroup, events: GroupEvents) {
    const { flags, task } = ready;
    this.ready = ready;
    this.#events = events;
    this.#files = new JobFiles(flags.docs, flags.target);
    const { file, export: name, sha256 } = task;
    const job = { task: { file, export: name, sha256 }, docs: flags.docs, root: this.#files.root };
    this.output = new OutFile(flags.target.path, job, {
      forkwise: events.version,
      failed: (error) => this.#broken.abort(error),
      written: events.progress,
      ...this.#files.earlierIds(flags),
    });
    this.#before = this.done;
    let changed = 0;
    if (this.#before > 0) {
      const again = againOf(flags);
      const earlier = findEarlier(this.#walk(nothingLeftOut()), this.output.tally.done, again);
      if (earlier.again > 0) this.output.dropAgain();
      this.output.tally.leaveOutVanished();
      this.#before = this.done;
      changed = again.changed ? 0 : earlier.changed;
      this.documents = earlier.all;
      this.needsWorkers = earlier.done - earlier.again < earlier.all;
    }
    this.#changed = changed;
    this.#entries = this.#all();
    this.#count = new FileCount(this.#walk(nothingLeftOut()), (total) => {
      this.documents = total;
      events.progress();
    });
    if (this.documents === null) this.#count.begin(0);
  }

  /** The number of documents that have a line. */
  get done(): number {
    return this.output.tally.documents;
  }

  /** True when every document has its line. */
  get isComplete(): boolean {
    return !this.needsWorkers || (this.#areComplete && this.#hasFoundAll);
  }

  /** True while documents wait that another worker could take. */
  get hasMore(): boolean {
    return !this.#hasFoundAll && !this.#events.stop.aborted && !this.#broken.signal.aborted;
  }

  /** How long the documents that are left take with the workers there are, ms; null where that is unknown. */
  get remainingMs(): number | null {
    const done = this.done - this.#before;
    if (this.documents === null || done === 0) return null;
    const workers = this.cores;
    const perDocumentMs = ((performance.now() - this.#startedMs - this.#startMs) * workers) / done;
    return ((this.documents - this.done) * perDocumentMs) / Math.max(1, workers);
  }

  /** True while its workers start and none has a document. */
  get isStarting(): boolean {
    return this.#open.size > 0 && this.#working === 0;
  }

  get cores(): number {
    return [...this.#open].reduce((sum, { cores }) => sum + cores, 0);
  }

  /** True if one more worker would be of use. */
  get isWorthMore(): boolean {
    const { claim, hasService } = this.ready;
    if (!claim.grows || hasService || !this.hasMore || this.#startMs === 0) return false;
    const { remainingMs } = this;
    return remainingMs !== null && remainingMs > worthStarts * this.#startMs;
  }

  /**
   * Opens a session with this share, and runs documents until none is left for it.
   * @throws what opens or ends a session
   */
  async run(share: Share): Promise<void> {
    const { traits, options, flags, broker } = this.ready;
    const { stop, warn } = this.#events;
    this.#open.add(share);
    let own: OwnProcess | null = null;
    try {
      const workers = traits.concurrency === 'in flight' || !traits.scales ? options.workers : share.cores;
      if (traits.isolation === 'none') own = this.#events.watch(this.output);
      this.#maxWorkers = Math.max(this.#maxWorkers, this.cores - share.cores + workers);
      const openedMs = performance.now();
      const asked = {
        ...options,
        workers,
        ...this.#limits(share, workers),
        ...(broker !== null && { broker: { url: broker, run: this.output.run } }),
        runId: this.output.run,
        force: flags.force === true,
        ...(options.circuit && {
          circuit: {
            ...options.circuit,
            onDecision: (line: string) => warn(`${this.ready.group.name}: ${line}`),
          },
        }),
        onWarning: warn,
      };
      const opened = await noteSlowStart(openForRunner(asked, { isJob: true }), {
        say: (text) => warn(`${this.ready.group.name}: ${text}`),
        broker,
        task: this.ready.task.ref,
      });
      if (this.#startMs === 0) this.#startMs = performance.now() - openedMs;
      this.#working++;
      try {
        const isComplete = await runAll(opened, this.#batches(), {
          output: this.output,
          order: flags.order,
          group: this.ready.group.name,
          found: () => {},
          workers,
          isProtected: isolates(traits.isolation, 'process'),
          stop,
          broken: this.#broken.signal,
          own,
        });
        this.#areComplete &&= isComplete;
        const reason = opened.circuit?.reason ?? null;
        if (reason !== null)
          throw new RunError(
            `the service of the task fails every document (${reason}); ` +
              'to go on when it works again, run the job with --retry failed',
          );
      } finally {
        this.#working--;
        this.#elapsedMs = performance.now() - this.#startedMs;
        this.#workersReplaced += opened.session.replaced ?? 0;
        this.#adaptive = opened.facts.adaptive?.stats();
        opened.facts.adaptive?.close();
        this.#cache = together(this.#cache, opened.facts.cacheUse?.stats());
        await opened.session.close({ now: this.#broken.signal.aborted });
      }
    } catch (cause) {
      this.#areComplete = false;
      if (!this.#broken.signal.aborted)
        this.#broken.abort(cause instanceof Error ? cause : new RunError(String(cause)));
      throw cause;
    } finally {
      await own?.end();
      this.#open.delete(share);
    }
  }

  /** Writes what waits, and gives the file back. */
  async end(): Promise<void> {
    this.#count.stop();
    if (this.documents === null) await this.#count.finish();
    this.output.close();
  }

  get summary(): Summary {
    const { flags, options, claim, broker } = this.ready;
    return {
      out: flags.target.path,
      strategy: options.strategy,
      workers: broker === null ? this.#maxWorkers || claim.cores : null,
      ...perWorkerOf(options),
      documents: this.documents ?? this.done,
      earlier: this.#before,
      changed: this.#changed,
      leftOut: this.#leftOut,
      vanished: this.output.tally.vanished,
      counts: this.output.tally.counts,
      fallbacks: this.output.tally.fallbacks,
      notOk: this.output.tally.notOk,
      workersReplaced: this.#workersReplaced,
      ...(this.#adaptive !== undefined && { adaptive: this.#adaptive }),
      ...(this.#cache !== undefined && { cache: this.#cache }),
      elapsedMs: this.#elapsedMs,
      complete: this.isComplete,
    };
  }

  /** Each worker may use its part of the share. */
  #limits(share: Share, workers: number): Pick<RunnerOptions, 'heapMb' | 'memoryMb'> {
    const { traits, options } = this.ready;
    const limits = limitsOf(share.memoryMb / workers, traits.isolation);
    if (limits === null)
      throw new RunError(
        `group "${this.ready.group.name}": expected memory in which a task loads, ` +
          `got ${Math.floor(share.memoryMb)} MB for ${workers} workers; give it more, or fewer cores`,
      );
    const { heapMb, memoryMb } = limits;
    return {
      ...(heapMb !== undefined && { heapMb: Math.min(heapMb, options.heapMb ?? heapLimitMb(workers)) }),
      ...(memoryMb !== undefined && { memoryMb: Math.min(memoryMb, options.memoryMb ?? memoryMb) }),
    };
  }

  #walk(leftOut = this.#leftOut) {
    return this.#files.all({ pathIds: this.output.hasPathIds, leftOut });
  }

  *#all(): Generator<WalkEntry, void, undefined> {
    for (const batch of this.#walk()) {
      for (const entry of batch) {
        this.#found++;
        yield entry;
      }
    }
    this.#hasFoundAll = true;
    this.documents = this.#found;
  }

  /** The documents that one session takes. Ending it leaves the others to the other sessions. */
  *#batches(): Generator<readonly WalkEntry[], void, undefined> {
    for (let next = this.#entries.next(); !next.done; next = this.#entries.next()) yield [next.value];
  }
}

/** The results of a group are in the folder of the job. */
export function outOf(folder: string, group: string): string {
  return join(folder, `${group}.ndjson`);
}
