import { writeFileSync } from 'node:fs';
import pidusage from 'pidusage';
import { type Files, files, processTree, threadCount, treeMemory } from './proc.js';

/** Peaks over the window of one trial. A figure is null if the system does not offer it. */
export interface Peaks {
  /** Resident sizes of all processes in the tree, added up. */
  readonly rssBytes: number | null;
  /** Memory of the tree, with shared pages counted once. */
  readonly memoryBytes: number | null;
  /** `high-water`: the kernel keeps the exact peak. `sampled`: the largest sample is a lower bound. */
  readonly kind: 'high-water' | 'sampled';
  readonly threads: number | null;
  /** Number of memory samples, including the one at the window's end. */
  readonly samples: number;
  /** Mean time between two memory samples, milliseconds. */
  readonly intervalMs: number;
  /** CPU time that sampling used inside the window, percent of one core. */
  readonly cpuPercent: number;
}

/** Each kind of sample may use this share of one core. */
const share = { resident: 0.003, memory: 0.005 };

/** Interval at which the sampler checks whether a sample is due, milliseconds. */
const beatMs = 25;

/**
 * Samples a process tree from outside, because a sampler inside a busy tree gets no time to run.
 *
 * A sample of a kind is taken as soon as that kind's share of the elapsed time covers its expected cost. A
 * memory sample costs at least 1 ms per process, so a short window may have only the sample that is taken
 * just after its end. The cost of that sample is in no window.
 */
export class Sampler {
  readonly #pids: readonly number[];
  readonly #files: Files;
  readonly #highWater: boolean;
  readonly #openedMs = performance.now();
  readonly #costs = { resident: new Cost('resident'), memory: new Cost('memory') };
  #rss: number | null = null;
  #memory: number | null = null;
  #threads: number | null = null;
  #samples = 0;
  #largestTree = 1;
  #stopped = false;
  #wake: () => void = () => {};
  readonly #loop: Promise<void>;

  /**
   * @param pids the processes of the tree that its root knows. If the system has a `/proc`, the sampler finds
   * processes there that start later.
   */
  constructor(pids: readonly number[], from: Files = files) {
    this.#pids = pids;
    this.#files = from;
    this.#highWater = pids.length === 1 && resetHighWater(pids[0] as number);
    this.#loop = this.#run();
  }

  async stop(): Promise<Peaks> {
    const windowMs = performance.now() - this.#openedMs;
    this.#stopped = true;
    this.#wake();
    await this.#loop;
    const spentMs = this.#costs.resident.spentMs + this.#costs.memory.spentMs;
    // The last sample of each kind is taken outside the window. Its cost helps to predict the next cost.
    await this.#costs.resident.measure(() => this.#sampleResident());
    await this.#costs.memory.measure(async () => this.#sampleMemory());
    const highWater =
      this.#highWater && this.#largestTree === 1
        ? highWaterBytes(this.#files, this.#pids[0] as number)
        : null;
    return {
      rssBytes: highWater ?? this.#rss,
      // A single process shares no page with other processes of its tree, so its resident size is its memory.
      memoryBytes: highWater ?? this.#memory,
      kind: highWater === null ? 'sampled' : 'high-water',
      threads: this.#threads,
      samples: this.#samples,
      intervalMs: windowMs / this.#samples,
      cpuPercent: (100 * spentMs) / windowMs,
    };
  }

  async #run(): Promise<void> {
    const { resident, memory } = this.#costs;
    while (!this.#stopped) {
      await this.#beat();
      const elapsedMs = performance.now() - this.#openedMs;
      if (!this.#stopped && resident.isCovered(elapsedMs))
        await resident.measure(() => this.#sampleResident());
      if (!this.#stopped && memory.isCovered(elapsedMs))
        await memory.measure(async () => this.#sampleMemory());
    }
  }

  #beat(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, beatMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #sampleResident(): Promise<void> {
    const pids = this.#tree();
    // pidusage changes the list that it gets, so it gets a copy. For a process that has ended, a list returns
    // undefined or null; asking for that process alone rejects.
    const usage = await pidusage([...pids]).catch(() => ({}));
    const members = Object.values(usage).filter((stat) => stat != null);
    if (members.length > 0)
      this.#rss = Math.max(
        this.#rss ?? 0,
        members.reduce((sum, { memory }) => sum + memory, 0),
      );
    const threads = pids.map((pid) => threadCount(this.#files, pid)).filter((count) => count !== null);
    if (threads.length > 0)
      this.#threads = Math.max(
        this.#threads ?? 0,
        threads.reduce((sum, count) => sum + count, 0),
      );
  }

  #sampleMemory(): void {
    const bytes = treeMemory(this.#files, this.#tree());
    if (bytes !== null) this.#memory = Math.max(this.#memory ?? 0, bytes);
    this.#samples++;
  }

  #tree(): number[] {
    const pids = [...new Set([...this.#pids, ...processTree(this.#files, this.#pids[0] as number)])];
    this.#largestTree = Math.max(this.#largestTree, pids.length);
    return pids;
  }
}

type Kind = keyof typeof share;

/**
 * Expected cost of the next sample of each kind, derived from the expensive samples of this run so far. It is
 * infinite until the first sample has been taken, which happens at the end of the run's first window.
 */
const expectedMs: Record<Kind, number> = {
  resident: Number.POSITIVE_INFINITY,
  memory: Number.POSITIVE_INFINITY,
};

/** Compares the cost of one kind of sample in this window with the share of the time that it may use. */
class Cost {
  spentMs = 0;
  readonly #kind: Kind;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  isCovered(elapsedMs: number): boolean {
    return this.spentMs + expectedMs[this.#kind] <= share[this.#kind] * elapsedMs;
  }

  async measure(sample: () => Promise<void>): Promise<void> {
    const before = process.cpuUsage();
    await sample();
    const { user, system } = process.cpuUsage(before);
    const costMs = (user + system) / 1e3;
    this.spentMs += costMs;
    // The expected cost decreases slowly, so one expensive sample does not end sampling for good.
    const expected = expectedMs[this.#kind];
    expectedMs[this.#kind] = Number.isFinite(expected) ? Math.max(costMs, 0.9 * expected) : costMs;
  }
}

/**
 * Makes the Linux kernel forget the largest resident size so far.
 * @returns false if that is not allowed; then the peak is sampled
 */
function resetHighWater(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

function highWaterBytes({ read }: Files, pid: number): number | null {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? null : 1024 * Number(kilobytes);
}
