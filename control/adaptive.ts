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

import { mean, squares } from '../bench/stats/estimate.js';
import { type Block, BlockMeter, type Completion } from './blocks.js';
import { type Change, ChangeDetector } from './change.js';
import { Experiment, windowBlocks } from './experiment.js';
import { CpuShares, LoopGuard, type Lowered, MemoryGuard, RefusalGuard, type Signals } from './guards.js';

export interface AdaptiveOptions {
  /** The number begins with this. */
  readonly start: number;
  /** The number never rises above it. Absent: 1024. */
  readonly max?: number;
  /** The number counts for each of these, such as worker threads. Absent: 1. */
  readonly workers?: number;
}

const decisionKinds: readonly DecisionKind[] = ['probe', 'back', 'raise', 'lower', 'guard', 'sleep', 'wake'];
/**
 * What a decision did with the number: tried another one, went back, raised or lowered it, obeyed a guard, or
 * stopped or began trying.
 */
export type DecisionKind = 'probe' | 'back' | 'raise' | 'lower' | 'guard' | 'sleep' | 'wake';

export interface Decision {
  readonly kind: DecisionKind;
  readonly atMs: number;
  /** The number is this from now on. */
  readonly number: number;
  /** One line says what happens and why. */
  readonly why: string;
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
const headroom = 1.1;
/** A higher number is tried again after this many quiet windows, and then after twice as many. */
const firstQuiet = 100;
const maxQuiet = 1600;
/** Below this share of the allowed number at work, more would not be used. */
const used = 0.85;
/** After a guard, a higher number is tried after this many quiet windows. */
const afterGuard = 5;
/** The sizes of documents have changed by this share. */
const sizeChange = 0.15;

type Direction = 'up' | 'down';

type Phase =
  | { readonly kind: 'measuring'; readonly blocks: Block[] }
  | { readonly kind: 'probing'; readonly probe: Experiment; window: Block[] }
  | {
      readonly kind: 'asleep';
      readonly change: ChangeDetector;
      readonly logRate: (block: Block) => number;
      readonly first: Block[];
      readonly latest: Block[];
      blocks: number;
    };

export class Adaptive {
  readonly #max: number;
  readonly #workers: number;
  readonly #meter: BlockMeter;
  readonly #memory = new MemoryGuard();
  readonly #loop = new LoopGuard();
  readonly #refusals = new RefusalGuard();
  readonly #cpu: CpuShares;
  readonly #counts = new Map<DecisionKind, number>(decisionKinds.map((kind) => [kind, 0]));
  /** Blocks that have ended since the last call of `decide`. */
  readonly #ended: Block[] = [];
  #decisions: Decision[] = [];
  #nowMs = 0;
  /** The number now, which a probe may have changed for a while. */
  #number: number;
  /** The number that the last decision has settled on. */
  #resting: number;
  /** The number before a guard has lowered it. */
  #wanted = 0;
  #phase: Phase = { kind: 'measuring', blocks: [] };
  #todo: Direction[] = ['up', 'down'];
  /** Task times were shortest in this window. */
  #floor: readonly Block[] | null = null;
  /** The number has its headroom already. */
  #rested = false;
  #quiet = firstQuiet;
  #signals: Signals = {};
  #throttled = false;
  #windows = 0;
  #windowBlocks = windowBlocks(0);
  #moves = 0;
  #range: { readonly low: number; readonly high: number };
  #last: Decision | null = null;

  constructor({ start, max = 1024, workers = 1 }: AdaptiveOptions) {
    this.#max = Math.max(max, start);
    this.#workers = workers;
    this.#number = start;
    this.#resting = start;
    this.#range = { low: start, high: start };
    this.#cpu = new CpuShares(workers);
    this.#meter = new BlockMeter(start);
    // The first documents find cold code and no connection.
    this.#restartMeter(start, 2);
  }

  /** This many documents may be at work now, for each worker. */
  get number(): number {
    return this.#number;
  }

  /** The number that was settled on, without the probe that may be running. */
  get resting(): number {
    return this.#resting;
  }

  /** The lowest and the highest number that was settled on. */
  get range(): { readonly low: number; readonly high: number } {
    return this.#range;
  }

  /** Windows that were measured. */
  get windows(): number {
    return this.#windows;
  }

  /** How often the number that was settled on has changed. */
  get moves(): number {
    return this.#moves;
  }

  /** How often each kind of decision was taken. */
  get counts(): ReadonlyMap<DecisionKind, number> {
    return this.#counts;
  }

  /** The last decision that changed the number that was settled on. */
  get lastMove(): Decision | null {
    return this.#last;
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
   * second with new signals.
   */
  decide(nowMs: number, signals: Signals = this.#signals): readonly Decision[] {
    this.#nowMs = nowMs;
    this.#signals = signals;
    this.#decisions = [];
    this.#cpu.see(nowMs, signals);
    if (!this.#guarded()) for (const block of this.#ended.splice(0)) this.#take(block);
    return this.#decisions;
  }

  /** Returns true where a guard has the number, so that nothing is measured. */
  #guarded(): boolean {
    const near = this.#memory.see(this.#nowMs, this.#number, this.#signals, this.#meter.sizes.meanMs);
    const lowered = near ?? this.#loop.see(this.#nowMs, this.#number, this.#signals);
    if (lowered !== null) {
      this.#wanted = Math.max(this.#wanted, this.#resting);
      this.#guard(lowered);
      this.#sleep();
      return true;
    }
    this.#seeThrottling();
    const followed = this.#refusals.limits;
    const asked = this.#refusals.see(this.#nowMs, this.#number, this.#highest());
    if (asked !== null) this.#guard(asked);
    const follows = this.#refusals.limits;
    if (followed && !follows) this.#wake(['up', 'down'], 'the service no longer refuses');
    if (follows) {
      this.#ended.length = 0;
      if (this.#phase.kind === 'probing') this.#resting = this.#number;
      this.#phase = { kind: 'measuring', blocks: [] };
    }
    return follows;
  }

  #guard({ number, why }: Lowered): void {
    this.#ended.length = 0;
    this.#settle('guard', number, why);
    this.#restartMeter(number);
  }

  /** A quota that begins to stop the processes is a reason to try fewer at once, and its end to try more. */
  #seeThrottling(): void {
    const { throttledShare } = this.#signals;
    if (throttledShare === undefined) return;
    const now = throttledShare > (this.#throttled ? 0.1 : 0.25);
    if (now === this.#throttled) return;
    this.#throttled = now;
    if (now) this.#lessAtOnce();
    else this.#wake(['up'], 'the CPU quota no longer stops the processes');
  }

  /** The lower number comes first here, and only then the comparison with the present one. */
  #lessAtOnce(): void {
    this.#wake(['down', 'up'], 'a CPU quota stops the processes');
    const to = this.#resting - Math.max(1, Math.floor(step * this.#resting));
    if (to >= 1) this.#probe({ to, known: [], queueing: true });
  }

  #take(block: Block): void {
    const phase = this.#phase;
    if (block.number !== this.#number) return;
    if (phase.kind === 'measuring') {
      phase.blocks.push(block);
      if (phase.blocks.length >= this.#windowBlocks) {
        this.#windows++;
        this.#next(phase.blocks);
      }
    } else if (phase.kind === 'probing') {
      phase.window.push(block);
      if (phase.window.length >= this.#windowBlocks) {
        this.#windows++;
        this.#probed(phase.probe, phase.window);
      }
    } else this.#watch(phase, block);
  }

  /** Begins the next probe, or sleeps. @param known blocks at the present number */
  #next(known: readonly Block[]): void {
    this.#floor = this.#shorter(known);
    if (this.#cpu.pending) {
      this.#phase = { kind: 'measuring', blocks: [] };
      return;
    }
    for (let direction = this.#todo[0]; direction !== undefined; direction = this.#todo[0]) {
      const queueing = direction === 'down' && (this.#throttled || this.#slowdown(known) > queueingFrom);
      const to = this.#target(direction, known, queueing);
      if (to !== this.#resting) {
        this.#probe({ to, known, queueing });
        return;
      }
      this.#todo.shift();
    }
    this.#sleep(known);
  }

  #target(direction: Direction, known: readonly Block[], queueing: boolean): number {
    const now = this.#resting;
    const by = Math.max(1, Math.floor(step * now));
    if (direction === 'up')
      return busy(known, this.#workers) < used ? now : Math.max(now, Math.min(now + by, this.#highest()));
    const enough = queueing && !this.#throttled ? Math.ceil(headroom * this.#knee(known)) : 1;
    return Math.min(now, Math.max(now - by, enough, 1));
  }

  /** The service can run this many at once: more have only waited. */
  #knee(known: readonly Block[]): number {
    return (known[0] as Block).number / this.#slowdown(known);
  }

  /** The number may rise to this. */
  #highest(): number {
    return Math.min(this.#max, this.#memory.highest(this.#signals), this.#cpu.highest(this.#resting));
  }

  #probe({ to, known, queueing }: { to: number; known: readonly Block[]; queueing: boolean }): void {
    const from = this.#resting;
    this.#number = to;
    this.#restartMeter(Math.max(from, to));
    const window = this.#windowBlocks;
    const probe = new Experiment({ from, to, known, queueing, window, logRate: this.#logRate() });
    this.#phase = { kind: 'probing', probe, window: [] };
    this.#say('probe', `tries ${to} instead of ${from}`);
  }

  #probed(probe: Experiment, window: readonly Block[]): void {
    const earlier = [...probe.blocks.from];
    probe.add(window);
    if (sizesDiffer(earlier, window.at(-1))) {
      this.#back(probe, 'the sizes of documents have changed');
      this.#floor = null;
      this.#sleep();
      return;
    }
    const changed = probe.changed();
    if (changed !== null) {
      this.#back(probe, `the rate ${changed} meanwhile`);
      this.#wakeBy(changed);
      return;
    }
    const starved = probe.to > probe.from && busy(window, this.#workers) < used;
    const answer = starved ? 'not better' : probe.answer();
    if (answer === null) this.#otherSide(probe);
    else if (answer === 'better') this.#moved(probe);
    else this.#notBetter(probe, starved);
  }

  #otherSide(probe: Experiment): void {
    this.#number = this.#number === probe.to ? probe.from : probe.to;
    this.#phase = { kind: 'probing', probe, window: [] };
    this.#restartMeter(Math.max(probe.from, probe.to));
  }

  #moved(probe: Experiment): void {
    const up = probe.to > probe.from;
    const change = percent(probe.ratio);
    this.#settle(
      up ? 'raise' : 'lower',
      probe.to,
      probe.queueing
        ? `documents only waited; the rate at ${probe.to} is ${change} of that at ${probe.from}`
        : `the rate at ${probe.to} is ${change} of that at ${probe.from}`,
    );
    this.#rested = false;
    // A number that was better in one direction leaves nothing to find in the other.
    this.#todo = [up ? 'up' : 'down'];
    this.#next(probe.blocks.to);
  }

  #notBetter(probe: Experiment, starved: boolean): void {
    const { from, to } = probe.blocks;
    if (probe.to > probe.from) {
      this.#wanted = 0;
      const rest = Math.min(probe.to - 1, Math.ceil(headroom * this.#knee(to)));
      const number = starved || this.#rested ? probe.from : Math.max(probe.from, rest);
      this.#rested = true;
      this.#back(
        probe,
        `the rate at ${probe.to} is ${percent(probe.ratio)} of that at ${probe.from}`,
        number,
      );
    } else {
      this.#back(probe, `the rate at ${probe.to} is ${percent(probe.ratio)} of that at ${probe.from}`);
      // Documents do need the time that they take now.
      if (probe.queueing) this.#floor = from;
    }
    this.#todo.shift();
    this.#next(from);
  }

  #back(probe: Experiment, why: string, number = probe.from): void {
    this.#settle('back', number, why);
  }

  /** @param known blocks that are there already, at a number with the same rate */
  #sleep(known: readonly Block[] = []): void {
    this.#number = this.#resting;
    const logRate = this.#logRate();
    const change = new ChangeDetector();
    const first = [...known];
    for (const block of first) change.learn(logRate(block));
    this.#phase = { kind: 'asleep', change, logRate, first, latest: [], blocks: 0 };
    this.#restartMeter(this.#number);
    this.#say('sleep', `stays at ${this.#number} until the rate changes`);
  }

  #watch(phase: Extract<Phase, { kind: 'asleep' }>, block: Block): void {
    phase.blocks++;
    if (phase.first.length < 4 * this.#windowBlocks) phase.first.push(block);
    phase.latest.push(block);
    if (phase.latest.length > this.#windowBlocks) phase.latest.shift();
    if (phase.blocks % this.#windowBlocks === 0) this.#windows++;
    const changed = phase.change.add(phase.logRate(block));
    if (changed !== null) this.#changed(phase, block, changed);
    else if (phase.blocks >= this.#windowBlocks * (this.#wanted > this.#resting ? afterGuard : this.#quiet)) {
      if (this.#wanted <= this.#resting) this.#quiet = Math.min(2 * this.#quiet, maxQuiet);
      this.#todo = ['up'];
      this.#next(phase.latest);
    }
  }

  #changed({ first }: Extract<Phase, { kind: 'asleep' }>, block: Block, changed: Change): void {
    if (sizesDiffer(first, block)) {
      // Other documents are no reason to move.
      this.#floor = null;
      this.#sleep();
      return;
    }
    this.#quiet = firstQuiet;
    this.#wakeBy(changed);
  }

  /** A rate that fell may leave documents waiting, so a lower number is tried first. */
  #wakeBy(changed: Change): void {
    this.#wake(changed === 'rose' ? ['up'] : ['down', 'up'], `the rate ${changed}`);
  }

  #wake(todo: readonly Direction[], why: string): void {
    this.#todo = [...todo];
    this.#number = this.#resting;
    this.#phase = { kind: 'measuring', blocks: [] };
    this.#restartMeter(this.#number, 0);
    this.#say('wake', why);
  }

  /** Task times ÷ the shortest that were seen, for documents of the same sizes. */
  #slowdown(blocks: readonly Block[]): number {
    return this.#floor === null ? 1 : Math.max(1, this.#timeOf(blocks) / this.#timeOf(this.#floor));
  }

  #shorter(blocks: readonly Block[]): readonly Block[] {
    return this.#floor === null || this.#timeOf(blocks) < this.#timeOf(this.#floor)
      ? [...blocks]
      : this.#floor;
  }

  #timeOf(blocks: readonly Block[]): number {
    const expected = this.#meter.sizes.frozen();
    return sum(blocks.map(({ taskMs }) => taskMs)) / sum(blocks.map(expected));
  }

  #logRate(): (block: Block) => number {
    const expected = this.#meter.sizes.frozen();
    return (block) => Math.log((block.number * expected(block)) / Math.max(block.taskMs, 1e-9));
  }

  #settle(kind: DecisionKind, number: number, why: string): void {
    const before = this.#resting;
    this.#resting = number;
    this.#number = number;
    const { low, high } = this.#range;
    this.#range = { low: Math.min(low, number), high: Math.max(high, number) };
    const decision = this.#say(
      kind,
      before === number ? `stays at ${number}: ${why}` : `${before} → ${number}: ${why}`,
    );
    if (before === number) return;
    this.#last = decision;
    this.#moves++;
  }

  #say(kind: DecisionKind, why: string): Decision {
    const decision = { kind, atMs: this.#nowMs, number: this.#number, why };
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#decisions.push(decision);
    return decision;
  }

  /** @param skipped documents left out, as a multiple of what is at work */
  #restartMeter(felt: number, skipped = 1): void {
    const atWork = felt * this.#workers;
    const { meanMs } = this.#meter.sizes;
    const short = meanMs === 0 ? 0 : Math.ceil((atWork * minBlockMs) / meanMs);
    const size = Math.max(minBlock, atWork, short);
    this.#windowBlocks = windowBlocks(size);
    this.#meter.restart({ number: this.#number, size, skip: skipped * atWork });
  }
}

/** Documents at work ÷ documents that were allowed. */
function busy(blocks: readonly Block[], workers: number): number {
  const elapsedMs = sum(blocks.map(({ elapsedMs }) => elapsedMs));
  return sum(blocks.map(({ taskMs }) => taskMs)) / elapsedMs / ((blocks[0] as Block).number * workers);
}

/** Returns true if the sizes of the latest block are others than before, and not by chance. */
function sizesDiffer(before: readonly Block[], latest: Block | undefined): boolean {
  if (before.length < 3 || latest === undefined) return false;
  const sizes = before.map(logSize);
  const spread = Math.sqrt(squares(sizes) / (sizes.length - 1));
  return Math.abs(logSize(latest) - mean(sizes)) > Math.max(sizeChange, 4 * spread);
}

function logSize({ bytes, documents }: Block): number {
  return Math.log(bytes / documents + 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(ratio: number): string {
  return `${Math.round(100 * ratio)} %`;
}
