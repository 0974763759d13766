/**
 * The number of documents at work follows the load. One controller owns the number.
 *
 * It starts at the given number. Guards come first: they lower the number at once, or keep it from rising.
 * Otherwise hill climbing moves it to where the rate is known to be better. There is no clock in here: the
 * caller says what time it is.
 */

import { type Block, BlockMeter, type Completion } from './blocks.js';
import { CpuShares, QuotaWatch } from './cpu-shares.js';
import { LoopGuard, MemoryGuard, type Signals } from './guards.js';
import { HillClimb } from './hill-climb.js';
import { RefusalGuard } from './refusal-guard.js';
import { type Decision, type DecisionKind, WorkNumber } from './work-number.js';

export interface AdaptiveOptions {
  /** The number begins with this. */
  readonly start: number;
  /** The number never rises above it. Absent: 1024. */
  readonly max?: number;
  /** The number counts for each of these, such as worker threads. Absent: 1. */
  readonly workers?: number;
}

export class Adaptive {
  readonly #max: number;
  readonly #number: WorkNumber;
  readonly #meter: BlockMeter;
  readonly #memory = new MemoryGuard();
  readonly #loop = new LoopGuard();
  readonly #quota = new QuotaWatch();
  readonly #refusals = new RefusalGuard();
  readonly #cpu: CpuShares;
  readonly #climb: HillClimb;
  /** Blocks that have ended since the last call of `decide`. */
  readonly #ended: Block[] = [];
  #signals: Signals = {};

  constructor({ start, max = 1024, workers = 1 }: AdaptiveOptions) {
    this.#max = Math.max(max, start);
    this.#number = new WorkNumber(start);
    this.#cpu = new CpuShares(workers);
    this.#meter = new BlockMeter(workers);
    this.#climb = new HillClimb({
      number: this.#number,
      meter: this.#meter,
      workers,
      cpu: this.#cpu,
      quota: this.#quota,
      highest: () => this.#highest(),
    });
  }

  /** This many documents may be at work now, for each worker. */
  get number(): number {
    return this.#number.now;
  }

  /** The number that was settled on, without the probe that may be running. */
  get resting(): number {
    return this.#number.resting;
  }

  /** The lowest and the highest number that was settled on. */
  get range(): { readonly low: number; readonly high: number } {
    return this.#number.range;
  }

  /** How often the number that was settled on has changed. */
  get moves(): number {
    return this.#number.moves;
  }

  /** How often each kind of decision was taken. */
  get counts(): ReadonlyMap<DecisionKind, number> {
    return this.#number.counts;
  }

  /** The last decision that changed the number that was settled on. */
  get lastMove(): Decision | null {
    return this.#number.lastMove;
  }

  /** Windows that were measured. */
  get windows(): number {
    return this.#climb.windows;
  }

  /** A document has ended. @returns true where `decide` should be called now */
  completed(done: Completion): boolean {
    this.#cpu.worked(done.taskMs);
    this.#refusals.accepted(done.taskMs);
    const block = this.#meter.add(done);
    if (block !== null) this.#ended.push(block);
    return block !== null;
  }

  /** A service has refused a document. @returns true where `decide` should be called now */
  refused(taskMs: number): boolean {
    return this.#refusals.refused(taskMs);
  }

  /**
   * Takes the decisions that are due. Call it when `completed` or `refused` asks for it, and a few times a
   * second with signals: the same object as long as they are not read again.
   */
  decide(nowMs: number, signals: Signals = this.#signals): readonly Decision[] {
    const decisions = this.#number.decisionsAt(nowMs);
    // CPU time that was read earlier says nothing about the time until now.
    if (signals !== this.#signals) this.#cpu.see(nowMs, this.#number.now, signals);
    this.#signals = signals;
    if (!this.#guarded(nowMs)) for (const block of this.#ended.splice(0)) this.#climb.take(block);
    return decisions;
  }

  /** Returns true where a guard has the number, so that nothing is measured. */
  #guarded(nowMs: number): boolean {
    const number = this.#number.now;
    const lowered =
      this.#memory.see(nowMs, number, this.#signals, this.#meter.sizes.meanMs) ??
      this.#loop.see(nowMs, number, this.#signals);
    if (lowered !== null) {
      this.#ended.length = 0;
      this.#climb.obeyAndSleep(lowered);
      return true;
    }
    if (this.#quota.see(this.#signals)) this.#climb.quotaChanged();
    return this.#refused(nowMs);
  }

  /** Returns true as long as the number follows the refusals of a service. */
  #refused(nowMs: number): boolean {
    const followed = this.#refusals.limits;
    const asked = this.#refusals.see(nowMs, this.#number.now, this.#highest());
    if (asked !== null) {
      this.#ended.length = 0;
      this.#climb.obey(asked);
    }
    const follows = this.#refusals.limits;
    if (followed && !follows) this.#climb.wake(['up', 'down'], 'the service no longer refuses');
    if (follows) {
      this.#ended.length = 0;
      this.#climb.pause();
    }
    return follows;
  }

  /** The number may rise to this. */
  #highest(): number {
    const now = this.#number.resting;
    return Math.min(this.#max, this.#memory.highest(this.#signals), this.#cpu.highest(now));
  }
}
