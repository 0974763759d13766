import { writeFileSync } from 'node:fs';
import pidusage from 'pidusage';
import { type Files, files, processTree, threadCount, treeMemory } from './proc.js';

/** Peaks over one trial's window. Null where the system does not offer a figure. */
export interface Peaks {
  /** Sum of resident sizes over the tree. */
  readonly rssBytes: number | null;
  /** Shared pages counted once. */
  readonly memoryBytes: number | null;
  /** `high-water`: kept by the kernel, exact; `sampled`: the largest of the samples, a lower bound. */
  readonly kind: 'high-water' | 'sampled';
  readonly threads: number | null;
  /** Memory samples, the one at the window's end included. */
  readonly samples: number;
  /** Mean time between them, milliseconds. */
  readonly intervalMs: number;
  /** CPU time that sampling took inside the window, percent of one core. */
  readonly cpuPercent: number;
}

/** Sampling may take this share of one core, over both kinds of sample. */
const share = { resident: 0.003, memory: 0.005 };

/** How often the sampler asks itself whether a sample is due, milliseconds. */
const beatMs = 25;

/**
 * Samples a process tree from outside: a sampler inside it starves when the tree is busy. Each kind of sample is taken
 * as soon as its share of the elapsed time covers what the last one cost; a sample of memory costs 1 ms a process and
 * more, so short windows may have but the one that is taken when they have just ended, and its cost is in no window.
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

  /** @param pids the tree as its root knows it; where there is a `/proc`, processes that come later are found there. */
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
    // The last sample of each kind is in no window; its cost is a lesson for the next one.
    await this.#costs.resident.measure(() => this.#sampleResident());
    await this.#costs.memory.measure(async () => this.#sampleMemory());
    const highWater =
      this.#highWater && this.#largestTree === 1
        ? highWaterBytes(this.#files, this.#pids[0] as number)
        : null;
    return {
      rssBytes: highWater ?? this.#rss,
      // A single process shares nothing with its tree, so its resident size is its memory.
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
    // pidusage changes the list it is given. A process that has ended reads undefined or null in a list and rejects alone.
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
 * What the next sample of each kind is expected to cost, from the dear ones of this run so far. Unknown until the first
 * has been taken, at the end of the run's first window.
 */
const expectedMs: Record<Kind, number> = {
  resident: Number.POSITIVE_INFINITY,
  memory: Number.POSITIVE_INFINITY,
};

/** What one kind of sample has cost in this window, against its share of the time. */
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
    // Falls back slowly, so that one dear sample does not end sampling for good.
    const expected = expectedMs[this.#kind];
    expectedMs[this.#kind] = Number.isFinite(expected) ? Math.max(costMs, 0.9 * expected) : costMs;
  }
}

/** Linux: makes the kernel forget the largest resident size so far. False where it may not: then the peak is sampled. */
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
