import { now } from '../worker/clock.js';
import type { Staff } from './staff.js';
import type { Stage } from './stage.js';
import type { StageWorker } from './stage-worker.js';

/**
 * Counts the time in which workers have nothing to do. A worker is blocked when one of its stages has values
 * whose results have no room, and idle when its stages have no values.
 */
export class IdleTime {
  readonly #staff: Staff;
  readonly #stages: readonly Stage[];
  #countedMs = now();

  constructor(staff: Staff, stages: readonly Stage[]) {
    this.#staff = staff;
    this.#stages = stages;
  }

  /**
   * Adds the time since the last call to the stages of all workers that have no request.
   * @param busy this worker has just answered: it was busy until now, although it has no request any more
   */
  count(busy: StageWorker | null = null): void {
    const nowMs = now();
    const elapsedMs = nowMs - this.#countedMs;
    this.#countedMs = nowMs;
    for (const worker of this.#staff.workers) {
      if (!worker.isIdle || worker === busy) continue;
      const blocked = worker.stages.find((number) => this.#stages[number]?.isBlocked);
      const stage = this.#stages[blocked ?? (worker.stages[0] as number)] as Stage;
      if (blocked === undefined) stage.idleMs += elapsedMs;
      else stage.blockedMs += elapsedMs;
    }
  }
}
