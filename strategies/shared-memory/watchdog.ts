import { now } from '../worker/clock.js';
import type { Control } from './claim-table.js';
import type { Lane } from './thread-lane.js';

/** Ends workers that have been in one task for too long. */
export class Watchdog {
  readonly timeoutMs: number;
  readonly #control: Control;
  readonly #lanes: readonly Lane[];
  /** By lane: the task it was last found in, and when it was first found in it. */
  readonly #seen: ({ readonly task: number; readonly sinceMs: number; readonly condemned: boolean } | null)[];
  #timer: NodeJS.Timeout | null = null;

  constructor(control: Control, lanes: readonly Lane[], timeoutMs: number) {
    this.#control = control;
    this.#lanes = lanes;
    this.timeoutMs = timeoutMs;
    this.#seen = lanes.map(() => null);
  }

  /** It looks eight times in the time a task may take, so that a task gets an eighth more at the most. */
  begin(): void {
    this.#timer = setInterval(() => this.#look(), Math.max(1, Math.min(this.timeoutMs / 8, 250)));
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /**
   * What a worker that has ended was condemned for: `timed-out` when its task still is the one, `other` when that had ended in
   * the meantime, null when it was not condemned. Before its `current` is taken.
   */
  judged(lane: number): 'timed-out' | 'other' | null {
    const seen = this.#seen[lane] ?? null;
    this.#seen[lane] = null;
    if (seen === null || !seen.condemned) return null;
    return this.#control.inHands(lane)?.task === seen.task ? 'timed-out' : 'other';
  }

  #look(): void {
    for (const [number, lane] of this.#lanes.entries()) {
      const held = this.#control.inHands(number);
      const seen = this.#seen[number] ?? null;
      if (seen?.condemned) continue;
      if (held === null) this.#seen[number] = null;
      else if (seen?.task !== held.task)
        this.#seen[number] = { task: held.task, sinceMs: now(), condemned: false };
      else if (now() - seen.sinceMs >= this.timeoutMs) {
        this.#seen[number] = { ...seen, condemned: true };
        lane.kill();
      }
    }
  }
}
