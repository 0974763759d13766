import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import {
  heapLimit,
  type MemoryLimit,
  processLimit,
  threadHeapLimit,
  warnOfOverridingFlag,
} from '../processes/limits.js';
import { Reaper } from '../processes/reaper.js';
import { MemoryWatch, StopWatch } from '../processes/watch.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import type { CallerEnd } from '../session/side-channel.js';
import type { Members, OpenOptions } from '../strategy.js';
import { CallWatch } from './call-watch.js';
import { wholeTask } from './description.js';
import type { EngineEvents } from './engine.js';
import { ProcessEngine } from './process-engine.js';
import type { StageDescription, StageStart } from './protocol.js';
import { firstAllotment, isProcess, type Seat, seatsOf } from './seats.js';
import { type StageRequest, StageWorker, type StageWorkerEvents } from './stage-worker.js';
import { ThreadEngine } from './thread-engine.js';

export interface StaffOptions extends Omit<OpenOptions, 'delivery' | 'channel'> {
  readonly workload: WorkloadRef;
  readonly services: TaskServices;
  readonly callerEnd: CallerEnd;
  readonly hidden: HiddenEnds;
  /** See `StageStart`. */
  readonly garbageBytes: number;
}

/** Processes need this; a staff of threads has none of it. */
interface ProcessParts {
  readonly reaper: Reaper;
  readonly memory: MemoryWatch;
  readonly stopped: StopWatch | null;
  readonly heap: MemoryLimit;
}

/** A session has these workers. */
export class Staff {
  /** The stages of the task; a task without stages is one. */
  readonly stages: readonly StageDescription[];
  /** True where the task says itself that it has stages. */
  readonly isStaged: boolean;
  /** Workers that each serve one stage have been allotted so; null where every worker serves all stages. */
  #allotment: readonly number[] | null;
  readonly #options: StaffOptions;
  readonly #watch: CallWatch;
  readonly #processes: ProcessParts | null;
  readonly #threadHeap: MemoryLimit;
  #workers: StageWorker[] = [];
  /** Between two runs, only the end of a worker says anything. */
  readonly #between: StageWorkerEvents;
  #events: StageWorkerEvents;

  /**
   * Starts all workers. Resolves when they have opened their stages.
   * @throws the reason why the task cannot be loaded or set up; RangeError for a wrong configuration
   */
  static async open(options: StaffOptions): Promise<Staff> {
    warnOfOverridingFlag();
    const { workload, services, workers, timeoutMs, heapMb, callerEnd, garbageBytes } = options;
    const heap = threadHeapLimit(workers, heapMb);
    const watch = new CallWatch();
    const start: StageStart = {
      workload,
      stages: null,
      services,
      timeoutMs,
      workers,
      heapMb: heap.mb,
      garbageBytes,
    };
    // The first worker says which stages there are, and is then one of them.
    const relay = new Relay();
    const first = new ThreadEngine<StageRequest>({ start, heap, callerEnd, watch }, relay);
    const failed = first.ready.then((): never => {
      throw new Error('expected the stages to be described first');
    });
    failed.catch(() => {}); // it is ready later, or `described` has lost the race
    const described = await Promise.race([first.described, failed]);
    const stages = described ?? [wholeTask];
    let staff: Staff;
    try {
      staff = new Staff(options, { stages, isStaged: described !== null, watch, heap });
    } catch (cause) {
      first.kill();
      throw cause;
    }
    await staff.#open(first, relay);
    return staff;
  }

  private constructor(
    options: StaffOptions,
    found: {
      readonly stages: readonly StageDescription[];
      readonly isStaged: boolean;
      readonly watch: CallWatch;
      readonly heap: MemoryLimit;
    },
  ) {
    const { workers, timeoutMs, heapMb, memoryMb, configuration } = options;
    const { stages, watch } = found;
    this.#options = options;
    this.#between = {
      answered() {},
      lost: (_, { cause, killedFor }) => killedFor === null && options.hidden.report(cause),
      changed() {},
      unopened() {},
    };
    this.#events = this.#between;
    this.stages = stages;
    this.isStaged = found.isStaged;
    this.#allotment = firstAllotment(stages, workers, configuration);
    this.#watch = watch;
    this.#threadHeap = found.heap;
    const limits = stages.flatMap((stage) => stage.timeoutMs ?? timeoutMs ?? []);
    const limitMs = limits.length === 0 ? null : Math.min(...limits);
    watch.begin(limitMs);
    const heap = heapLimit(workers, heapMb);
    this.#processes = stages.some(({ isolation }) => isolation === 'process')
      ? {
          reaper: new Reaper(),
          memory: new MemoryWatch({ memory: processLimit(workers, memoryMb), heap }),
          stopped: limitMs === null ? null : new StopWatch(Math.max(...limits)),
          heap,
        }
      : null;
  }

  /** The workers by stage, as they were allotted last; null where every worker serves all stages. */
  get allotment(): readonly number[] | null {
    return this.#allotment;
  }

  /** Workers that are starting or leaving are among these, too. */
  get workers(): readonly StageWorker[] {
    return this.#workers;
  }

  /** The workers that serve this stage. */
  of(stage: number): StageWorker[] {
    return this.#workers.filter(({ stages, isLeaving }) => !isLeaving && stages.includes(stage));
  }

  /** The events of all workers go to this run; null: to none. */
  listen(events: StageWorkerEvents | null): void {
    this.#events = events ?? this.#between;
  }

  /** Gives each stage this many workers. Workers that a stage has too many finish their values. */
  allot(counts: readonly number[]): void {
    this.#allotment = counts;
    for (const [number, count] of counts.entries()) {
      const serving = this.of(number);
      // A worker that is still starting has done nothing yet, and one with few requests leaves soon.
      const byUse = [...serving].sort(
        (a, b) => Number(a.isReady) - Number(b.isReady) || a.requests.length - b.requests.length,
      );
      for (const worker of byUse.slice(0, Math.max(0, serving.length - count))) worker.leave();
      for (let missing = count - serving.length; missing > 0; missing--) this.#add([number]).replace();
    }
  }

  /** Asks all workers for their usage. Call it only between runs. */
  async members(): Promise<Members> {
    const usages = await Promise.all(
      this.#workers.filter(({ isLeaving }) => !isLeaving).map((worker) => worker.report()),
    );
    return {
      processes: usages.flatMap(({ member }) => member ?? []),
      engines: usages.map(({ engine }) => engine),
    };
  }

  kill(): void {
    for (const worker of this.#workers) worker.kill();
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#watch.close();
    this.#processes?.memory.close();
    this.#processes?.stopped?.close();
    await this.#processes?.reaper.close();
  }

  async #open(first: ThreadEngine<StageRequest>, relay: Relay): Promise<void> {
    const seats = seatsOf(this.stages, this.#options.workers, this.#allotment);
    const place = seats.findIndex((seat) => !isProcess(this.stages, seat));
    if (place < 0) first.kill();
    const opening = seats.map((seat, i) => this.#add(seat, i === place ? { first, relay } : null).open());
    const opened = await Promise.allSettled(opening);
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    await this.close();
    throw failure.reason;
  }

  /** Adds a worker for these stages, and removes it again when it has left. */
  #add(seat: Seat, ready: { first: ThreadEngine<StageRequest>; relay: Relay } | null = null): StageWorker {
    let given = ready;
    const worker = new StageWorker(
      seat,
      async (stages, events, signal) => {
        if (given === null) return this.#start(stages, events, signal);
        const { first, relay } = given;
        given = null;
        relay.target = events;
        first.open(stages);
        return opened(first, signal);
      },
      {
        answered: (...answer) => this.#events.answered(...answer),
        lost: (...loss) => this.#events.lost(...loss),
        changed: (changed) => {
          if (changed.isLeaving && !changed.isReady)
            this.#workers = this.#workers.filter((each) => each !== changed);
          this.#events.changed(changed);
        },
        unopened: (...failure) => this.#events.unopened(...failure),
      },
    );
    this.#workers.push(worker);
    return worker;
  }

  #start(stages: readonly number[], events: EngineEvents<StageRequest>, signal: AbortSignal) {
    const { workload, services, workers, timeoutMs, callerEnd, garbageBytes } = this.#options;
    const start = { workload, stages, services, timeoutMs, workers, garbageBytes };
    const processes = isProcess(this.stages, stages) ? this.#processes : null;
    if (processes === null) {
      const heap = this.#threadHeap;
      const options = { start: { ...start, heapMb: heap.mb }, heap, callerEnd, watch: this.#watch };
      return opened(new ThreadEngine(options, events), signal);
    }
    const { heap, ...parts } = processes;
    return ProcessEngine.start({ start: { ...start, heapMb: heap.mb }, callerEnd, signal, ...parts }, events);
  }
}

/** Passes on the events of an engine that was started before its worker was there. */
class Relay implements EngineEvents<StageRequest> {
  target: EngineEvents<StageRequest> | null = null;

  answered: EngineEvents<StageRequest>['answered'] = (...answer) => this.target?.answered(...answer);
  ended: EngineEvents<StageRequest>['ended'] = (...end) => this.target?.ended(...end);
}

async function opened(
  engine: ThreadEngine<StageRequest>,
  signal: AbortSignal,
): Promise<ThreadEngine<StageRequest>> {
  const end = () => engine.kill();
  signal.addEventListener('abort', end, { once: true });
  try {
    await engine.ready;
    return engine;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
