import { clearInterval, setInterval } from 'node:timers';
import { abortGraceMs } from '../session/outcome.js';
import { now } from '../worker/clock.js';
import type { ClaimTable } from './claim-table.js';
import type { ThreadLane } from './thread-lane.js';

/**
 * Kills workers that have been in one task longer than the time limit. It reads each worker's `current` and
 * `begun` from the claim table, so it counts run time only, and workers need no clock of their own.
 */
export class Watchdog {
  readonly timeoutMs: number;
  readonly #table: ClaimTable;
  readonly #lanes: readonly ThreadLane[];
  /** The task in which each lane was last seen, and when it was first seen there. */
  readonly #seen: ({ readonly task: number; readonly sinceMs: number; readonly killed: boolean } | null)[];
  #timer: NodeJS.Timeout | null = null;

  constructor(table: ClaimTable, lanes: readonly ThreadLane[], timeoutMs: number) {
    this.#table = table;
    this.#lanes = lanes;
    this.timeoutMs = timeoutMs;
    this.#seen = lanes.map(() => null);
  }

  /** Looks eight times per time limit, so that a task can exceed it by an eighth at most. */
  begin(): void {
    this.#timer = setInterval(() => this.#look(), Math.max(1, Math.min(this.timeoutMs / 8, 250)));
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /**
   * Says why a worker that has ended was killed: `timed-out` when the task that was too slow was still
   * running, `other` when that task had ended in the meantime, null when the watchdog did not kill it. Call
   * it before `takeCurrent`.
   */
  verdict(lane: number): 'timed-out' | 'other' | null {
    const seen = this.#seen[lane] ?? null;
    this.#seen[lane] = null;
    if (seen === null || !seen.killed) return null;
    return this.#table.currentTask(lane)?.task === seen.task ? 'timed-out' : 'other';
  }

  #look(): void {
    for (const [number, lane] of this.#lanes.entries()) {
      const current = this.#table.currentTask(number);
      const seen = this.#seen[number] ?? null;
      if (seen?.killed) continue;
      if (current === null) this.#seen[number] = null;
      else if (seen?.task !== current.task)
        this.#seen[number] = { task: current.task, sinceMs: now(), killed: false };
      else if (now() - seen.sinceMs >= this.timeoutMs + abortGraceMs) {
        this.#seen[number] = { ...seen, killed: true };
        lane.kill();
      }
    }
  }
}
