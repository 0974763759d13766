/**
 * The number of documents at work follows the load. One controller owns the number.
 *
 *   measuring   blocks at the present number, before a probe
 *   probing     windows at the present number and at another one alternate
 *   asleep      nothing is tried until the rate changes
 *
 * It starts at the given number, tries a higher one, and then a lower one. It moves only when the rate is
 * known to be better, and sleeps when neither is. Guards come first: they lower the number at once, or keep
 * it from rising. There is no clock in here: the caller says what time it is.
 */

import { type Block, BlockMeter, busy, type Completion, supplied } from './blocks.js';
import type { Change } from './change.js';
import { Experiment, windowBlocks } from './experiment.js';
import {
  CpuShares,
  LoopGuard,
  type Lowered,
  MemoryGuard,
  QuotaWatch,
  RefusalGuard,
  type Signals,
} from './guards.js';
import { sizesDiffer } from './sizes.js';
import { Sleep } from './sleep.js';
import { TaskTimes } from './task-times.js';
import { type Decision, type DecisionKind, WorkNumber } from './work-number.js';

export interface AdaptiveOptions {
  /** The number begins with this. */
  readonly start: number;
  /** The number never rises above it. Absent: 1024. */
  readonly max?: number;
  /** The number counts for each of these, such as worker threads. Absent: 1. */
  readonly workers?: number;
}

/** A probe and a move change the number by at most this share, or by one. */
const step = 0.25;
/** A block has at least this many documents. */
const minBlock = 16;
/** A block lasts about this long at least, ms: machines are slow and fast for shorter times. */
const minBlockMs = 100;
/** Documents take this many times their shortest time before a lower number is tried for that reason. */
const queueingFrom = 1.3;
/** The number rests this far above what the service can run at once, so that a rise of that is noticed. */
const headroom = 1.2;
/** A higher number is tried again after this many quiet windows, and then after twice as many. */
const firstQuiet = 100;
const maxQuiet = 1600;
/** The number does not tell the rate where less than this share of it is at work. */
const full = 0.85;
/** A higher number would not be used where fewer documents are here than this share of the number. */
const enoughSupplied = 0.9;
/** A change of the rate that leads to no other number makes the next one count only if this times larger. */
const duller = 1.5;
/** The product of these factors is at most this. */
const dullest = 4;
/**
 * Tasks that compute for this share of their time are as fast and slow as the machine is. A lower number must
 * then be shown by pairs of windows: with one too few, a core may have nothing to do.
 */
const unsteady = 0.2;
/** After a guard, a higher number is tried after this many quiet windows. */
const afterGuard = 5;
type Direction = 'up' | 'down';

type Phase =
  | { readonly kind: 'measuring'; readonly blocks: Block[] }
  | { readonly kind: 'probing'; readonly probe: Experiment; window: Block[] }
  | { readonly kind: 'asleep'; readonly sleep: Sleep };

export class Adaptive {
  readonly #max: number;
  readonly #workers: number;
  readonly #number: WorkNumber;
  readonly #meter: BlockMeter;
  readonly #times: TaskTimes;
  readonly #memory = new MemoryGuard();
  readonly #loop = new LoopGuard();
  readonly #quota = new QuotaWatch();
  readonly #refusals = new RefusalGuard();
  readonly #cpu: CpuShares;
  /** Blocks that have ended since the last call of `decide`. */
  readonly #ended: Block[] = [];
  #signals: Signals = {};
  #phase: Phase = { kind: 'measuring', blocks: [] };
  /** A number is tried in these directions before the controller sleeps. */
  #todo: Direction[] = ['up', 'down'];
  /** The number before a guard has lowered it. */
  #wanted = 0;
  /** The number has its headroom already. */
  #rested = false;
  /** A higher number is tried after this many quiet windows. */
  #quiet = firstQuiet;
  /** The number at which a change of the rate was noticed, until the next sleep; null: none was. */
  #wokenAt: number | null = null;
  /** A change of the rate must be this many times larger than usual: the machine itself is fast and slow. */
  #dullness = 1;
  #windows = 0;
  #windowBlocks = windowBlocks(0);

  constructor({ start, max = 1024, workers = 1 }: AdaptiveOptions) {
    this.#max = Math.max(max, start);
    this.#workers = workers;
    this.#number = new WorkNumber(start);
    this.#cpu = new CpuShares(workers);
    this.#meter = new BlockMeter(start);
    this.#times = new TaskTimes(this.#meter.sizes);
    // The first documents find cold code and no connection.
    this.#restartMeter(start, 2);
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
    return this.#windows;
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
    if (!this.#guarded(nowMs)) for (const block of this.#ended.splice(0)) this.#take(block);
    return decisions;
  }

  /** Returns true where a guard has the number, so that nothing is measured. */
  #guarded(nowMs: number): boolean {
    const number = this.#number.now;
    const lowered =
      this.#memory.see(nowMs, number, this.#signals, this.#meter.sizes.meanMs) ??
      this.#loop.see(nowMs, number, this.#signals);
    if (lowered !== null) {
      this.#wanted = Math.max(this.#wanted, this.#number.resting);
      this.#obey(lowered);
      this.#sleep();
      return true;
    }
    // A quota that begins to stop the processes is a reason to try fewer at once, and its end to try more.
    if (this.#quota.see(this.#signals)) {
      this.#dullness = 1;
      if (this.#quota.stops) this.#lessAtOnce();
      else this.#wake(['up'], 'the CPU quota no longer stops the processes');
    }
    return this.#refused(nowMs);
  }

  /** Returns true as long as the number follows the refusals of a service. */
  #refused(nowMs: number): boolean {
    const followed = this.#refusals.limits;
    const asked = this.#refusals.see(nowMs, this.#number.now, this.#highest());
    if (asked !== null) this.#obey(asked);
    const follows = this.#refusals.limits;
    if (followed && !follows) this.#wake(['up', 'down'], 'the service no longer refuses');
    if (follows) {
      this.#ended.length = 0;
      if (this.#phase.kind === 'probing') this.#number.keep();
      this.#phase = { kind: 'measuring', blocks: [] };
    }
    return follows;
  }

  #obey({ number, why }: Lowered): void {
    this.#ended.length = 0;
    this.#number.settle('guard', number, why);
    this.#restartMeter(number);
  }

  /** The lower number comes first here, and only then the comparison with the present one. */
  #lessAtOnce(): void {
    this.#wake(['down', 'up'], 'a CPU quota stops the processes');
    const to = this.#number.resting - stepFrom(this.#number.resting);
    if (to >= 1) this.#probe({ to, known: [], queueing: true });
  }

  #take(block: Block): void {
    const phase = this.#phase;
    if (block.number !== this.#number.now) return;
    if (phase.kind === 'asleep') {
      this.#watch(phase.sleep, block);
      return;
    }
    const window = phase.kind === 'measuring' ? phase.blocks : phase.window;
    window.push(block);
    if (window.length < this.#windowBlocks) return;
    this.#windows++;
    if (phase.kind === 'measuring') this.#next(window);
    else this.#probed(phase.probe, window);
  }

  /** Begins the next probe, or sleeps. @param known blocks at the present number */
  #next(known: readonly Block[]): void {
    this.#times.see(known);
    if (this.#cpu.pending) {
      this.#phase = { kind: 'measuring', blocks: [] };
      return;
    }
    for (let direction = this.#todo[0]; direction !== undefined; direction = this.#todo[0]) {
      const queueing =
        direction === 'down' && (this.#quota.stops || this.#times.slowdown(known) > queueingFrom);
      const to = this.#target(direction, known, queueing);
      if (to !== this.#number.resting) {
        this.#probe({ to, known, queueing });
        return;
      }
      this.#todo.shift();
    }
    this.#sleep(known);
  }

  /** Returns the number that is tried next in this direction, or the present one if none should be. */
  #target(direction: Direction, known: readonly Block[], queueing: boolean): number {
    const now = this.#number.resting;
    const by = stepFrom(now);
    if (direction === 'up')
      return this.#starves(known) ? now : Math.max(now, Math.min(now + by, this.#highest()));
    const enough = queueing && !this.#quota.stops ? Math.ceil(headroom * this.#times.knee(known)) : 1;
    return Math.min(now, Math.max(now - by, enough, 1));
  }

  /** True where fewer documents came than may be at work. */
  #starves(blocks: readonly Block[]): boolean {
    return supplied(blocks, this.#workers) < enoughSupplied;
  }

  /** The number may rise to this. */
  #highest(): number {
    const now = this.#number.resting;
    return Math.min(this.#max, this.#memory.highest(this.#signals), this.#cpu.highest(now));
  }

  #probe({ to, known, queueing }: { to: number; known: readonly Block[]; queueing: boolean }): void {
    const from = this.#number.resting;
    this.#number.try(to);
    this.#restartMeter(Math.max(from, to));
    const [window, rates] = [this.#windowBlocks, this.#times.logRates()];
    const onlyPairs = to < from && this.#cpu.share >= unsteady;
    const probe = new Experiment({ from, to, known, queueing, window, rates, onlyPairs });
    this.#phase = { kind: 'probing', probe, window: [] };
    this.#number.note('probe', `tries ${to} instead of ${from}`);
  }

  #probed(probe: Experiment, window: readonly Block[]): void {
    const { from, to } = probe;
    const earlier = [...probe.blocks.from];
    const share = busy(window, this.#workers);
    probe.add(window, share >= full);
    if (sizesDiffer(earlier, window.at(-1))) {
      this.#number.settle('back', from, 'the sizes of documents have changed');
      this.#otherDocuments();
      return;
    }
    const changed = probe.changed();
    if (changed !== null) {
      this.#number.settle('back', from, `the rate ${changed} meanwhile`);
      this.#wakeBy(changed);
      return;
    }
    // Where the documents at work would have had room before, a higher number was not used.
    const starved = to > from && (this.#starves(window) || share * to < full * from);
    const answer = starved ? 'not better' : probe.answer();
    if (answer === null) this.#otherSide(probe);
    else if (answer === 'better') this.#better(probe);
    else if (to > from) this.#higherNotBetter(probe, starved);
    else this.#lowerNotBetter(probe);
  }

  #otherSide(probe: Experiment): void {
    const { from, to } = probe;
    this.#number.try(this.#number.now === to ? from : to);
    this.#phase = { kind: 'probing', probe, window: [] };
    this.#restartMeter(Math.max(from, to));
  }

  #better(probe: Experiment): void {
    const up = probe.to > probe.from;
    const rates = ratesOf(probe);
    this.#number.settle(
      up ? 'raise' : 'lower',
      probe.to,
      probe.queueing ? `documents only waited; ${rates}` : rates,
    );
    this.#rested = false;
    // A number that was better in one direction leaves nothing to find in the other.
    this.#todo = [up ? 'up' : 'down'];
    this.#next(probe.blocks.to);
  }

  #higherNotBetter(probe: Experiment, starved: boolean): void {
    const { from, to, blocks } = probe;
    this.#wanted = 0;
    const rest = Math.min(to - 1, Math.ceil(headroom * this.#times.knee(blocks.to)));
    this.#number.settle('back', starved || this.#rested ? from : Math.max(from, rest), ratesOf(probe));
    this.#rested = true;
    this.#todo.shift();
    this.#next(blocks.from);
  }

  #lowerNotBetter(probe: Experiment): void {
    const { from, blocks, queueing } = probe;
    this.#number.settle('back', from, ratesOf(probe));
    if (queueing) this.#times.need(blocks.from);
    this.#todo.shift();
    this.#next(blocks.from);
  }

  /** @param known blocks that are there already, at a number with the same rate */
  #sleep(known: readonly Block[] = []): void {
    this.#number.giveBack();
    const number = this.#number.now;
    this.#restartMeter(number);
    if (this.#wokenAt !== null)
      this.#dullness = this.#wokenAt === number ? Math.min(duller * this.#dullness, dullest) : 1;
    this.#wokenAt = null;
    const [window, logRate, dullness] = [this.#windowBlocks, this.#times.logRates().atWork, this.#dullness];
    this.#phase = { kind: 'asleep', sleep: new Sleep({ known, window, logRate, dullness }) };
    this.#number.note('sleep', `stays at ${number} until the rate changes`);
  }

  #watch(sleep: Sleep, block: Block): void {
    const changed = sleep.add(block);
    if (Number.isInteger(sleep.windows)) this.#windows++;
    if (changed !== null) {
      if (sleep.sizesChanged(block)) {
        this.#otherDocuments();
        return;
      }
      this.#quiet = firstQuiet;
      this.#wokenAt ??= this.#number.resting;
      this.#wakeBy(changed);
      return;
    }
    const isLowered = this.#wanted > this.#number.resting;
    if (sleep.windows < (isLowered ? afterGuard : this.#quiet)) return;
    if (!isLowered) {
      this.#quiet = Math.min(2 * this.#quiet, maxQuiet);
      this.#dullness = Math.max(1, this.#dullness / duller);
    }
    this.#todo = ['up'];
    this.#next(sleep.latest);
  }

  /** Documents of other sizes are no reason to move, and their times say nothing about those before. */
  #otherDocuments(): void {
    this.#times.forget();
    this.#sleep();
  }

  /** A rate that fell may leave documents waiting, so a lower number is tried first. */
  #wakeBy(changed: Change): void {
    this.#wake(changed === 'rose' ? ['up'] : ['down', 'up'], `the rate ${changed}`);
  }

  #wake(todo: readonly Direction[], why: string): void {
    this.#todo = [...todo];
    this.#number.giveBack();
    this.#phase = { kind: 'measuring', blocks: [] };
    this.#restartMeter(this.#number.now, 0);
    this.#number.note('wake', why);
  }

  /**
   * Begins new blocks.
   * @param felt the larger of the numbers before and now
   * @param skipped documents left out, as a multiple of what is at work
   */
  #restartMeter(felt: number, skipped = 1): void {
    const atWork = felt * this.#workers;
    const { meanMs } = this.#meter.sizes;
    const short = meanMs === 0 ? 0 : Math.ceil((atWork * minBlockMs) / meanMs);
    const size = Math.max(minBlock, atWork, short);
    this.#windowBlocks = windowBlocks(size);
    this.#meter.restart({ number: this.#number.now, size, skip: skipped * atWork });
  }
}

/** Returns by how much a probe changes this number. */
function stepFrom(number: number): number {
  return Math.max(1, Math.floor(step * number));
}

function ratesOf({ from, to, ratio }: Experiment): string {
  return `the rate at ${to} is ${Math.round(100 * ratio)} % of that at ${from}`;
}
