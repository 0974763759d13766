import { killGroup } from '../processes/group.js';
import { Reaper } from '../processes/reaper.js';

/** The list of worker processes is read again after this time, ms, because libraries replace workers. */
const intervalMs = 100;

/**
 * The worker processes of a peer's pool: none of them outlives this process. Documents do not pass through
 * here, so that a peer costs what its library costs.
 */
export class PeerProcesses {
  readonly #reaper = new Reaper();
  readonly #pids: () => readonly (number | undefined)[];
  readonly #timer: NodeJS.Timeout;
  readonly #known = new Set<number>();

  /** @param pids lists the processes that the library has now */
  constructor(pids: () => readonly (number | undefined)[]) {
    this.#pids = pids;
    this.#look();
    this.#timer = setInterval(() => this.#look(), intervalMs);
    this.#timer.unref();
  }

  /** Must be called when the library has ended its workers. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const pid of this.#known) killGroup(pid);
    await this.#reaper.close();
  }

  #look(): void {
    const current = new Set(this.#pids());
    for (const pid of this.#known) {
      if (current.has(pid)) continue;
      killGroup(pid); // processes that the task has started
      this.#reaper.remove(pid);
      this.#known.delete(pid);
    }
    for (const pid of current) {
      if (pid === undefined || this.#known.has(pid)) continue;
      this.#reaper.add(pid);
      this.#known.add(pid);
    }
  }
}
