import { readFileSync } from 'node:fs';
import pidusage from 'pidusage';

/** Peaks over the samples of one trial. Null where the system does not offer a figure. */
export interface Peaks {
  readonly rssBytes: number | null;
  readonly threads: number | null;
  readonly samples: number;
}

/** One call costs 0.4 to 0.6 ms, so this is half a percent of a core, spent outside the measured tree. */
const intervalMs = 100;

/** Samples a set of processes from outside: a sampler inside the tree starves when the tree is busy. */
export class Sampler {
  readonly #pids: readonly number[];
  #rss: number | null = null;
  #threads: number | null = null;
  #samples = 0;
  #stopped = false;
  readonly #loop: Promise<void>;
  #wake: () => void = () => {};

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#loop = this.#run();
  }

  /** Takes one last sample, so that every window holds one of its end. */
  async stop(): Promise<Peaks> {
    this.#stopped = true;
    this.#wake();
    await this.#loop;
    await this.#sample();
    return { rssBytes: this.#rss, threads: this.#threads, samples: this.#samples };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#sample();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async #sample(): Promise<void> {
    // A copy, since pidusage changes the list it is given. A process that has ended reads undefined in a list and
    // rejects when it is the only one.
    const usage = await pidusage([...this.#pids]).catch(() => ({}));
    const members = Object.values(usage).filter((stat) => stat !== undefined);
    if (members.length === 0) return;
    this.#samples++;
    this.#rss = Math.max(
      this.#rss ?? 0,
      members.reduce((sum, { memory }) => sum + memory, 0),
    );
    const threads = this.#pids.map(threadsOf);
    if (!threads.includes(null))
      this.#threads = Math.max(
        this.#threads ?? 0,
        threads.reduce<number>((sum, count) => sum + (count ?? 0), 0),
      );
  }
}

/** From Linux's `/proc`; null elsewhere, and for a process that has ended. */
function threadsOf(pid: number): number | null {
  try {
    const count = /^Threads:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
