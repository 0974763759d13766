import { clearInterval, setInterval } from 'node:timers';
import { abortGraceMs } from '../session/outcome.js';
import { now } from '../worker/clock.js';
import type { ArenaParts } from './feeding-loop.js';

/**
 * Kills workers that have been in one task longer than the time limit. It reads from the claim table which
 * tasks are running, so it counts run time only, and workers need no clock of their own.
 */
export class Watchdog {
  readonly timeoutMs: number;
  readonly #parts: ArenaParts;
  /** The tasks that were running at the latest look, by their slot, with the time of the first such look. */
  #seen = new Map<number, Seen>();
  /** The task for which each lane's worker was killed, by the lane's number. */
  readonly #killed = new Map<number, { readonly slot: number; readonly task: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: ArenaParts, timeoutMs: number) {
    this.#parts = parts;
    this.timeoutMs = timeoutMs;
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
   * Says why the lane's worker, which has ended, was killed: `timed-out` when the task that was too slow was
   * still running, `other` when that task had ended in the meantime, null when the watchdog did not kill it.
   */
  verdict(lane: number): 'timed-out' | 'other' | null {
    const killed = this.#killed.get(lane);
    this.#killed.delete(lane);
    for (const [slot, seen] of this.#seen) if (seen.lane === lane) this.#seen.delete(slot);
    if (killed === undefined) return null;
    return this.#parts.table.runningTask(killed.slot) === killed.task ? 'timed-out' : 'other';
  }

  #look(): void {
    const { table, queues, lanes } = this.#parts;
    const nowMs = now();
    const running = new Map<number, Seen>();
    for (const queue of queues)
      for (const slot of queue.slots()) {
        const task = table.runningTask(slot);
        const lane = task === 0 ? null : table.ownerOf(slot);
        if (lane === null) continue;
        const seen = this.#seen.get(slot);
        const isSame = seen?.task === task && seen.lane === lane;
        const sinceMs = isSame ? seen.sinceMs : nowMs;
        running.set(slot, { task, lane, sinceMs });
        if (this.#killed.has(lane) || nowMs - sinceMs < this.timeoutMs + abortGraceMs) continue;
        this.#killed.set(lane, { slot, task });
        lanes[lane]?.kill();
      }
    this.#seen = running;
  }
}

/** A running task that a look has found. */
interface Seen {
  readonly task: number;
  readonly lane: number;
  readonly sinceMs: number;
}
