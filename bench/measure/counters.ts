import { performance } from 'node:perf_hooks';
import { selfReport } from '../../strategies/member.js';
import type { Member, Session } from '../../strategies/strategy.js';

/** Exact cumulative counters of the measured tree, summed over windows. Times in milliseconds. */
export interface Counters {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly switchesVoluntary: number;
  readonly switchesInvoluntary: number;
  /** Of the main thread's event loop, 0 to 1. */
  readonly eventLoopUtilization: number;
}

/**
 * Counts between `open` and `close`, as often as they are called. The host's own counters are read last on opening and
 * first on closing, so that asking the members costs the window next to nothing. The main thread, its worker threads
 * and libuv's are all in the host's own report; each child process reports itself.
 */
export class TreeCounters {
  readonly #session: Session;
  #atOpen: Member[] = [];
  #loopAtOpen = performance.eventLoopUtilization();
  #cpuUserUs = 0;
  #cpuSystemUs = 0;
  #switchesVoluntary = 0;
  #switchesInvoluntary = 0;
  #loopActive = 0;
  #loopTotal = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  async open(): Promise<void> {
    const members = await this.#session.members();
    this.#loopAtOpen = performance.eventLoopUtilization();
    this.#atOpen = [...members, selfReport()];
  }

  async close(): Promise<void> {
    const own = selfReport();
    const loop = performance.eventLoopUtilization(this.#loopAtOpen);
    this.#loopActive += loop.active;
    this.#loopTotal += loop.active + loop.idle;
    for (const member of [own, ...(await this.#session.members())]) {
      // A process that was not there at opening began inside the window: all it has used counts.
      const before = this.#atOpen.find(({ pid }) => pid === member.pid);
      this.#cpuUserUs += member.cpuUserUs - (before?.cpuUserUs ?? 0);
      this.#cpuSystemUs += member.cpuSystemUs - (before?.cpuSystemUs ?? 0);
      this.#switchesVoluntary += member.switchesVoluntary - (before?.switchesVoluntary ?? 0);
      this.#switchesInvoluntary += member.switchesInvoluntary - (before?.switchesInvoluntary ?? 0);
    }
  }

  get total(): Counters {
    return {
      cpuUserMs: this.#cpuUserUs / 1e3,
      cpuSystemMs: this.#cpuSystemUs / 1e3,
      switchesVoluntary: this.#switchesVoluntary,
      switchesInvoluntary: this.#switchesInvoluntary,
      eventLoopUtilization: this.#loopTotal > 0 ? this.#loopActive / this.#loopTotal : 0,
    };
  }
}
