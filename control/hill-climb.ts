import { type Block, type BlockMeter, busy, starved } from './blocks.js';
import type { Change } from './change.js';
import type { CpuShares, QuotaWatch } from './cpu-shares.js';
import { Experiment, windowBlocks } from './experiment.js';
import type { Lowered } from './guards.js';
import { type Direction, type ProbeTarget, ProbeTargets, stepFrom } from './probe-targets.js';
import { sizesDiffer } from './sizes.js';
import { Sleep } from './sleep.js';
import { TaskTimes } from './task-times.js';
import { Wakefulness } from './wakefulness.js';
import type { WorkNumber } from './work-number.js';

/**
 * Hill climbing: a number beside the present one is tried, and is settled on only if its rate is known to be
 * better.
 *
 *   measuring   blocks at the present number, before a probe
 *   probing     windows at the present number and at another one alternate
 *   asleep      nothing is tried until the rate changes
 *
 * It tries a higher number first, and then a lower one. It sleeps when neither is better.
 */

export interface ClimbOptions {
  readonly number: WorkNumber;
  readonly meter: BlockMeter;
  readonly workers: number;
  readonly cpu: CpuShares;
  readonly quota: QuotaWatch;
  /** Returns the highest number that the guards and the caller allow now. */
  readonly highest: () => number;
}

/** The number does not tell the rate where less than this share of it is at work. */
const full = 0.85;
/**
 * Tasks that compute for this share of their time are as fast and slow as the machine is. A lower number must
 * then be shown by pairs of windows: with one too few, a core may have nothing to do.
 */
const unsteady = 0.2;

type Phase =
  | { readonly kind: 'measuring'; readonly blocks: Block[] }
  | { readonly kind: 'probing'; readonly probe: Experiment; window: Block[] }
  | { readonly kind: 'asleep'; readonly sleep: Sleep };

export class HillClimb {
  readonly #number: WorkNumber;
  readonly #meter: BlockMeter;
  readonly #workers: number;
  readonly #cpu: CpuShares;
  readonly #quota: QuotaWatch;
  readonly #highest: () => number;
  readonly #times: TaskTimes;
  readonly #targets: ProbeTargets;
  readonly #wakefulness = new Wakefulness();
  #phase: Phase = { kind: 'measuring', blocks: [] };
  #windows = 0;

  constructor({ number, meter, workers, cpu, quota, highest }: ClimbOptions) {
    this.#number = number;
    this.#meter = meter;
    this.#workers = workers;
    this.#cpu = cpu;
    this.#quota = quota;
    this.#highest = highest;
    this.#times = new TaskTimes(meter.sizes);
    this.#targets = new ProbeTargets({ workers, times: this.#times });
    // The first documents find cold code and no connection.
    this.#restartMeter(number.now, 2);
  }

  /** Windows that were measured. */
  get windows(): number {
    return this.#windows;
  }

  /** A guard sets the number. */
  obey({ number, why }: Lowered): void {
    this.#number.settle('guard', number, why);
    this.#restartMeter(number);
  }

  /** A guard lowers the number. Nothing is tried for a while, and then the way back up. */
  obeyAndSleep(lowered: Lowered): void {
    this.#wakefulness.loweredFrom(this.#number.resting);
    this.obey(lowered);
    this.#sleep();
  }

  /** A guard has the number now. A probe ends without an answer, at the number that it tries. */
  pause(): void {
    if (this.#phase.kind === 'probing') this.#number.keep();
    this.#phase = { kind: 'measuring', blocks: [] };
  }

  /** Numbers are tried in these directions, and then the next sleep begins. */
  wake(todo: readonly Direction[], why: string): void {
    this.#targets.begin(todo);
    this.#number.giveBack();
    this.#phase = { kind: 'measuring', blocks: [] };
    this.#restartMeter(this.#number.now, 0);
    this.#number.note('wake', why);
  }

  /** A quota that begins to stop the processes is a reason to try fewer at once, and its end to try more. */
  quotaChanged(): void {
    this.#wakefulness.sharpen();
    if (this.#quota.stops) this.#lessAtOnce();
    else this.wake(['up'], 'the CPU quota no longer stops the processes');
  }

  /** The lower number comes first here, and only then the comparison with the present one. */
  #lessAtOnce(): void {
    this.wake(['down', 'up'], 'a CPU quota stops the processes');
    const to = this.#number.resting - stepFrom(this.#number.resting);
    if (to >= 1) this.#probe({ to, queueing: true }, []);
  }

  /** A block has ended. It is left out if the number has changed since. */
  take(block: Block): void {
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
    const target = this.#targets.next({
      resting: this.#number.resting,
      known,
      highest: this.#highest(),
      isThrottled: this.#quota.stops,
    });
    if (target === null) this.#sleep(known);
    else this.#probe(target, known);
  }

  #probe({ to, queueing }: ProbeTarget, known: readonly Block[]): void {
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
    const isUnused = to > from && (starved(window, this.#workers) || share * to < full * from);
    const answer = isUnused ? 'not better' : probe.answer();
    if (answer === null) this.#otherSide(probe);
    else if (answer === 'better') this.#better(probe);
    else if (to > from) this.#higherNotBetter(probe, isUnused);
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
    this.#targets.better(up ? 'up' : 'down');
    this.#next(probe.blocks.to);
  }

  #higherNotBetter(probe: Experiment, isUnused: boolean): void {
    this.#wakefulness.higherNotBetter();
    this.#number.settle('back', this.#targets.higherNotBetter(probe, isUnused), ratesOf(probe));
    this.#next(probe.blocks.from);
  }

  #lowerNotBetter(probe: Experiment): void {
    this.#number.settle('back', probe.from, ratesOf(probe));
    this.#targets.lowerNotBetter(probe);
    this.#next(probe.blocks.from);
  }

  /** @param known blocks that are there already, at a number with the same rate */
  #sleep(known: readonly Block[] = []): void {
    this.#number.giveBack();
    const number = this.#number.now;
    this.#restartMeter(number);
    this.#wakefulness.sleepsAt(number);
    const [window, logRate] = [this.#windowBlocks, this.#times.logRates().atWork];
    const { dullness } = this.#wakefulness;
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
      this.#wakefulness.wokenAt(this.#number.resting);
      this.#wakeBy(changed);
      return;
    }
    const quiet = { number: this.#number.resting, windows: sleep.windows };
    if (!this.#wakefulness.triesHigher(quiet)) return;
    this.#targets.begin(['up']);
    this.#next(sleep.latest);
  }

  /** Documents of other sizes are no reason to move, and their times say nothing about those before. */
  #otherDocuments(): void {
    this.#times.forget();
    this.#sleep();
  }

  /** A rate that fell may leave documents waiting, so a lower number is tried first. */
  #wakeBy(changed: Change): void {
    this.wake(changed === 'rose' ? ['up'] : ['down', 'up'], `the rate ${changed}`);
  }

  /**
   * Begins new blocks.
   * @param felt the larger of the numbers before and now
   * @param skipped documents left out, as a multiple of what is at work
   */
  #restartMeter(felt: number, skipped = 1): void {
    this.#meter.restart({ number: this.#number.now, felt, skipped });
  }

  /** A window has this many blocks. */
  get #windowBlocks(): number {
    return windowBlocks(this.#meter.size);
  }
}

function ratesOf({ from, to, ratio }: Experiment): string {
  return `the rate at ${to} is ${Math.round(100 * ratio)} % of that at ${from}`;
}
