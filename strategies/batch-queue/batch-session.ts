import { closeSync } from 'node:fs';
import { taskServices } from '../../services/task-services.js';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { heapLimit, processLimit } from '../processes/limits.js';
import { Reaper } from '../processes/reaper.js';
import { openSharedFile, usualFolders } from '../processes/shared-file.js';
import { MemoryWatch, StopWatch } from '../processes/watch.js';
import type { Cancelling } from '../session/cancelling.js';
import { HiddenEnds } from '../session/hidden-ends.js';
import { inTurn } from '../session/in-turn.js';
import type { CarriedDocuments } from '../session/reference.js';
import { checkedPerWorker, guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import type { Emit, OpenOptions, Session } from '../strategy.js';
import { ProcessLane } from './process-lane.js';
import { Puller } from './puller.js';

/**
 * A process may hold as many batches as it works on, and as many again up to this number: the next ones are
 * ready, so that no place of it waits for the parent when several tasks end together. More would only
 * lengthen the queue in front of a slow document.
 */
const maxPrefetch = 32;

/**
 * A batch holds about this much work, ms: much more than the message that carries it costs, and little of a
 * run.
 */
const batchMs = 2;
const maxDocuments = 128;
/**
 * Maximum size of a batch, which is also the size of a region of the shared file. Four documents of 500 KB in
 * one batch cost a quarter less than two, and larger regions gain little. The file has at most 32 MB, which
 * is half of what Docker gives a container in /dev/shm. Therefore a session with many workers has smaller
 * regions.
 */
const maxBytes = 2 ** 21;
const maxFileBytes = 32 * 2 ** 20;

/** What the processes of a strategy are. */
export interface BatchProcesses {
  /** Warnings name the strategy. */
  readonly name: string;
  /** Each process runs this module, which serves batches as `protocol.ts` says. */
  readonly entry: URL;
  readonly processes: number;
  /** How many documents a process runs at the same time, with this `perWorker`. */
  perProcess(perWorker: number): number;
  /** The processes start with these values beside those of the protocol. */
  readonly inside?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** False where the process itself ends tasks that take too long, and limits the heaps of its threads. */
  readonly watchesTime: boolean;
}

/** A session over processes that are sent batches of documents, from one source. */
export async function openBatchSession(
  workload: WorkloadRef,
  options: OpenOptions,
  kind: BatchProcesses,
): Promise<Session> {
  const { delivery, timeoutMs, channel, heapMb, memoryMb, perWorker = 1 } = options;
  const { processes, entry } = kind;
  const services = taskServices(options);
  const heap = heapLimit(processes, heapMb);
  const perChild = { perWorker, atOnce: kind.perProcess(checkedPerWorker(perWorker)) };
  const regions = creditsOf(perChild.atOnce);
  const regionBytes = Math.min(maxBytes, Math.floor(maxFileBytes / (processes * regions)));
  const laneBytes = regions * regionBytes;
  const file = delivery === 'message' ? null : openShared(kind.name, processes * laneBytes);
  const reaper = new Reaper();
  const callerEnd = new CallerEnd(channel, options);
  const memory = new MemoryWatch({ memory: processLimit(processes, memoryMb), heap });
  const stopped = timeoutMs === undefined ? null : new StopWatch(timeoutMs);
  const hidden = new HiddenEnds();
  const lanes = Array.from(
    { length: processes },
    (_, i) =>
      new ProcessLane({
        entry,
        reaper,
        callerEnd,
        memory,
        stopped,
        hidden,
        workload,
        workers: processes,
        perChild,
        heapMb: heap.mb,
        services,
        timeoutMs,
        watchesTime: kind.watchesTime,
        fd: file?.fd ?? null,
        offset: i * laneBytes,
        regionBytes,
        regions,
        ...(kind.inside && { inside: kind.inside }),
        ...(kind.env && { env: kind.env }),
        ...(!kind.watchesTime && { limitsThreads: true as const }),
      }),
  );
  const close = async () => {
    await Promise.all(lanes.map((lane) => lane.children.close()));
    memory.close();
    stopped?.close();
    await reaper.close();
    if (file !== null) closeSync(file.fd);
  };
  const opened = await Promise.allSettled(lanes.map((lane) => lane.children.open()));
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await close();
    throw failure.reason;
  }
  let run: BatchRun | null = null;
  return guarded({
    callerEnd,
    transport: file?.transport ?? 'message',
    takesReferences: delivery === 'reference',
    async run(documents, emit, cancelling) {
      run = new BatchRun(lanes, { documents, emit, cancelling, regionBytes });
      try {
        await run.work(creditsOf(perChild.atOnce));
      } finally {
        run = null;
      }
    },
    cancel(index) {
      for (const lane of lanes) lane.children.cancel(index);
    },
    setPerWorker(perWorker) {
      perChild.perWorker = perWorker;
      perChild.atOnce = kind.perProcess(perWorker);
      for (const lane of lanes) lane.children.tell({ kind: 'per-worker', perWorker });
      run?.setCredits(creditsOf(perChild.atOnce));
    },
    async members() {
      const reports = await Promise.all(lanes.map((lane) => lane.children.report()));
      return {
        processes: reports.map(({ member }) => member),
        engines: reports.flatMap(({ engines }) => engines),
      };
    },
    replaced: () => lanes.reduce((sum, lane) => sum + lane.children.replaced, 0),
    close,
    kill() {
      for (const lane of lanes) lane.children.kill();
    },
  });
}

/** Returns how many batches a process may hold that runs this many documents at the same time. */
function creditsOf(atOnce: number): number {
  return atOnce + Math.min(atOnce, maxPrefetch);
}

interface BatchRunOptions {
  readonly documents: CarriedDocuments;
  readonly emit: Emit;
  readonly cancelling: Cancelling;
  readonly regionBytes: number;
}

/**
 * One run. There is one loop per lane and credit. It takes a batch when the previous one has been emitted:
 * this is the back-pressure.
 */
class BatchRun {
  readonly #lanes: readonly ProcessLane[];
  readonly #puller: Puller;
  readonly #size = new BatchSize();
  readonly #emitAll: ReturnType<typeof inTurn>;
  readonly #cancelling: Cancelling;
  readonly #regionBytes: number;
  /** The loops that have not ended, by their lane and their region of it. */
  readonly #loops = new Map<string, Promise<void>>();
  #credits = 0;
  #failure: { readonly cause: unknown } | null = null;

  constructor(lanes: readonly ProcessLane[], { documents, emit, cancelling, regionBytes }: BatchRunOptions) {
    this.#lanes = lanes;
    this.#puller = new Puller(documents);
    this.#emitAll = inTurn(emit);
    this.#cancelling = cancelling;
    this.#regionBytes = regionBytes;
    for (const lane of lanes) lane.reset(cancelling);
  }

  /**
   * Resolves when all loops have ended. When one failed, it rejects with the first error, but only after all
   * have ended: a region is in use until the last loop has its answer.
   */
  async work(credits: number): Promise<void> {
    this.setCredits(credits);
    while (this.#loops.size > 0) await Promise.all(this.#loops.values());
    const failure = this.#failure as { readonly cause: unknown } | null;
    if (failure !== null) throw failure.cause;
  }

  /** Each lane may hold this many batches from now on. A loop beyond them ends after its batch. */
  setCredits(credits: number): void {
    this.#credits = credits;
    for (let region = 0; region < credits; region++)
      for (const [place, lane] of this.#lanes.entries()) this.#begin(lane, `${place} ${region}`, region);
  }

  #begin(lane: ProcessLane, key: string, region: number): void {
    if (this.#loops.has(key)) return;
    const loop = this.#serve(lane, region).catch((cause: unknown) => {
      this.#failure ??= { cause };
      this.#puller.stop();
    });
    this.#loops.set(
      key,
      loop.then(() => void this.#loops.delete(key)),
    );
  }

  async #serve(lane: ProcessLane, region: number): Promise<void> {
    // A lane whose workers only die leaves the documents to the other lanes, while one of them works.
    while (region < this.#credits && (!lane.broken || this.#lanes.every(({ broken }) => broken)))
      if (!(await this.#serveOne(lane, region))) return;
  }

  /** It is a method of its own, so that a loop that waits for a batch holds no documents of the last one. */
  async #serveOne(lane: ProcessLane, region: number): Promise<boolean> {
    const batch = await this.#puller.take({
      documents: Math.min(this.#size.documents, lane.maxResults),
      bytes: this.#regionBytes,
      isAlone: this.#isAlone,
    });
    if (batch === null) return false;
    const outcomes = await lane.process(batch, region);
    for (const { taskMs } of outcomes) if (taskMs !== null) this.#size.learn(taskMs);
    await this.#emitAll(outcomes);
    return true;
  }

  readonly #isAlone = ({ index }: Document): boolean => this.#cancelling.may(index);
}

function openShared(name: string, bytes: number) {
  const { file, refusals } = openSharedFile({ bytes, folders: usualFolders() });
  if (refusals.length > 0) {
    const where = file === null ? 'messages' : 'a temporary file';
    process.emitWarning(`${name}: documents travel in ${where}: ${refusals.join('; ')}`);
  }
  return file;
}

/** Computes how many documents make a batch of `batchMs`, from a moving average of their task times. */
class BatchSize {
  #taskMs = batchMs;

  learn(taskMs: number): void {
    this.#taskMs += (taskMs - this.#taskMs) / 16;
  }

  get documents(): number {
    return Math.max(1, Math.min(maxDocuments, Math.round(batchMs / this.#taskMs)));
  }
}
