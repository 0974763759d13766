/**
 * How many workers each stage of a pipeline gets. The rate of a pipeline is the lowest n ÷ (ratio × service)
 * over its stages, so workers go to the slowest stage, one by one; no other split has a higher rate.
 *
 * Everything here is a function of what was observed. The caller brings the clock.
 */

export interface StageLoad {
  /** A worker is busy with one document for this time, ms; waiting for other stages is not part of it. */
  readonly serviceMs: number;
  /** This many documents reach the stage per document of the source. */
  readonly ratio: number;
  /** The stage takes at most this many workers; absent: any number. */
  readonly capacity?: number;
}

/**
 * Returns the workers of each stage, at least one each. Workers that no stage may take are left over.
 * @throws RangeError when there are fewer workers than stages
 */
export function optimal(stages: readonly StageLoad[], workers: number): number[] {
  if (!Number.isInteger(workers) || workers < stages.length)
    throw new RangeError(
      `expected at least one worker for each of ${stages.length} stages, but got ${workers}`,
    );
  const given = stages.map(() => 1);
  for (let left = workers - stages.length; left > 0; left--) {
    let slowest = -1;
    for (const [i, stage] of stages.entries()) {
      if ((given[i] as number) >= (stage.capacity ?? Infinity)) continue;
      if (slowest < 0 || rateOf(stages, given, i) < rateOf(stages, given, slowest)) slowest = i;
    }
    if (slowest < 0) break;
    (given[slowest] as number)++;
  }
  return given;
}

/** Returns the documents of the source per second that all stages keep up with. */
export function predictedRate(stages: readonly StageLoad[], workers: readonly number[]): number {
  return 1000 * Math.min(...stages.map((_, i) => rateOf(stages, workers, i)));
}

function rateOf(stages: readonly StageLoad[], workers: readonly number[], i: number): number {
  const { serviceMs, ratio } = stages[i] as StageLoad;
  return (workers[i] as number) / Math.max(serviceMs * ratio, 1e-9);
}

/** One call of a stage took this. A call has several documents where the stage runs batches. */
export interface StageCall {
  /** The call belongs to the stage with this index. */
  readonly stage: number;
  readonly documents: number;
  /** This many values went on to the next stage. */
  readonly values: number;
  /** The stage's function took this, ms; waiting for a place in the next queue is not part of it. */
  readonly busyMs: number;
}

export interface Allotment {
  /** Each stage has this many workers from now on. */
  readonly workers: readonly number[];
  /** One line says what moves and what it is expected to gain. */
  readonly why: string;
}

export interface AllotterOptions {
  readonly stages: readonly { readonly name: string; readonly capacity?: number }[];
  /** All stages together have this many workers. */
  readonly workers: number;
}

/** This time passes between two allotments, ms. */
const minIntervalMs = 1000;
/** A move is worth its start of a worker from this rise of the rate. */
const minGain = 1.05;
/** A stage gives back what the last allotment gave it when a service time has changed by this share. */
const hysteresis = 0.1;
/** A stage has had this many calls before its service time is known. */
const minCalls = 5;
/** Times may be off by this many standard errors, and a move must still not lower the rate. */
const doubt = 3;
/** Older calls count half after this time, ms. */
const halfLifeMs = 5000;

/**
 * Learns the service times of stages and says when workers should move. A worker that has yet to start counts
 * as there, because the allotment is what was decided and not what is running: otherwise a stage with a slow
 * start would get one worker after the other.
 */
export class Allotter {
  readonly #stages: readonly { readonly name: string; readonly capacity?: number }[];
  readonly #total: number;
  readonly #times: readonly ServiceTime[];
  /** Documents and values are counted for each stage; older ones count less. */
  readonly #flows: readonly { documents: number; values: number }[];
  #workers: readonly number[];
  /** Each stage got (+) or gave (−) these workers in the last allotment, at these loads. */
  #last: { readonly moved: readonly number[]; readonly loads: readonly StageLoad[] } | null = null;
  #decidedMs = -Infinity;
  #agedMs: number | null = null;
  #decisions = 0;

  /** Workers are split evenly at first. @throws RangeError with fewer workers than stages */
  constructor({ stages, workers }: AllotterOptions) {
    this.#stages = stages;
    this.#total = workers;
    this.#times = stages.map(() => new ServiceTime());
    this.#flows = stages.map(() => ({ documents: 0, values: 0 }));
    const even = stages.map(({ capacity }) => load(1, 1, capacity));
    this.#workers = optimal(even, workers);
  }

  /** Each stage has these workers by the last decision, or by the even split. */
  get workers(): readonly number[] {
    return this.#workers;
  }

  /** This many allotments were decided. */
  get decisions(): number {
    return this.#decisions;
  }

  /** Loads as they are known; null until every stage has had some calls. */
  get loads(): readonly StageLoad[] | null {
    if (this.#times.some((time) => time.calls < minCalls)) return null;
    let ratio = 1;
    return this.#stages.map(({ capacity }, i) => {
      const now = load((this.#times[i] as ServiceTime).meanMs, ratio, capacity);
      const { documents, values } = this.#flows[i] as { documents: number; values: number };
      // A stage whose calls all fail leaves the next one without work; its ratio is then unknown.
      if (documents > 0 && values > 0) ratio *= values / documents;
      return now;
    });
  }

  /** A call of a stage has ended. */
  observe({ stage, documents, values, busyMs }: StageCall): void {
    if (documents === 0) return;
    this.#times[stage]?.add(busyMs / documents);
    const flow = this.#flows[stage];
    if (flow === undefined) return;
    flow.documents += documents;
    flow.values += values;
  }

  /** Returns a new allotment, or null to leave all workers where they are. Call it about once a second. */
  decide(nowMs: number): Allotment | null {
    if (nowMs - this.#decidedMs < minIntervalMs) return null;
    this.#age(nowMs);
    const loads = this.loads;
    if (loads === null) return null;
    const workers = optimal(loads, this.#total);
    const before = predictedRate(loads, this.#workers);
    const after = predictedRate(loads, workers);
    if (after < minGain * before) return null;
    const moved = workers.map((n, i) => n - (this.#workers[i] as number));
    if (this.#mayBeChance(loads, workers, moved) || this.#goesBack(loads, moved)) return null;
    const why = this.#line(loads, workers, { before, after });
    this.#workers = workers;
    this.#last = { moved, loads };
    this.#decidedMs = nowMs;
    this.#decisions++;
    return { workers, why };
  }

  #age(nowMs: number): void {
    const elapsedMs = nowMs - (this.#agedMs ?? nowMs);
    // Two asks in a row look at the same calls; a window is at least as long as the interval.
    if (this.#agedMs !== null && elapsedMs < minIntervalMs) return;
    this.#agedMs = nowMs;
    const keep = 0.5 ** (elapsedMs / halfLifeMs);
    for (const time of this.#times) time.age(keep);
    for (const flow of this.#flows) {
      flow.documents *= keep;
      flow.values *= keep;
    }
  }

  /** Returns true if the rate would fall, were all times off in the worst direction. */
  #mayBeChance(loads: readonly StageLoad[], workers: readonly number[], moved: readonly number[]): boolean {
    const faster = loads.map((known, i) => shifted(known, -doubt * this.#error(i)));
    const worst = loads.map((known, i) =>
      shifted(known, (moved[i] as number) < 0 ? doubt * this.#error(i) : -doubt * this.#error(i)),
    );
    return predictedRate(worst, workers) < predictedRate(faster, this.#workers);
  }

  #error(stage: number): number {
    return (this.#times[stage] as ServiceTime).relativeError;
  }

  /** Returns true if this undoes the last allotment although no load has changed since. */
  #goesBack(loads: readonly StageLoad[], moved: readonly number[]): boolean {
    const last = this.#last;
    if (last === null) return false;
    const undone = moved.some((n, i) => n * (last.moved[i] as number) < 0);
    const changed = loads.some(({ serviceMs, ratio }, i) => {
      const then = last.loads[i] as StageLoad;
      return Math.abs(Math.log((serviceMs * ratio) / (then.serviceMs * then.ratio))) > hysteresis;
    });
    return undone && !changed;
  }

  #line(loads: readonly StageLoad[], workers: readonly number[], rate: { before: number; after: number }) {
    const moves = this.#stages.flatMap(({ name }, i) =>
      workers[i] === this.#workers[i] ? [] : [`${name} ${this.#workers[i]} → ${workers[i]}`],
    );
    const times = this.#stages.map(({ name }, i) => {
      const { serviceMs, ratio } = loads[i] as StageLoad;
      const times = ratio.toPrecision(2);
      return `${name} ${serviceMs.toPrecision(3)} ms${times === '1.0' ? '' : ` × ${times}`}`;
    });
    return (
      `workers: ${moves.join(', ')}; expected ${rate.before.toPrecision(3)} → ` +
      `${rate.after.toPrecision(3)} documents/s (a document takes ${times.join(', ')})`
    );
  }
}

function load(serviceMs: number, ratio: number, capacity: number | undefined): StageLoad {
  return capacity === undefined ? { serviceMs, ratio } : { serviceMs, ratio, capacity };
}

function shifted(known: StageLoad, share: number): StageLoad {
  return load(known.serviceMs * Math.max(1 + share, 0.05), known.ratio, known.capacity);
}

/**
 * The mean service time per document is kept here. Calls of a window are compared with older ones when the
 * window ends. The older ones are forgotten when the time has changed, so that a step is known at once and a
 * steady load is known well.
 */
class ServiceTime {
  #known = { calls: 0, sum: 0, squares: 0 };
  #window = { calls: 0, sum: 0, squares: 0 };

  get calls(): number {
    return this.#known.calls + this.#window.calls;
  }

  get meanMs(): number {
    return (this.#known.sum + this.#window.sum) / this.calls;
  }

  /** The standard error of the mean is this share of the mean. */
  get relativeError(): number {
    const squares = this.#known.squares + this.#window.squares;
    const variance = Math.max(squares / this.calls - this.meanMs ** 2, 0);
    return Math.sqrt(variance / Math.max(this.calls - 1, 1)) / Math.max(this.meanMs, 1e-9);
  }

  add(ms: number): void {
    this.#window.calls++;
    this.#window.sum += ms;
    this.#window.squares += ms * ms;
  }

  /** A window ends. It goes on where it has too few calls to be compared. */
  age(keep: number): void {
    const window = this.#window;
    if (window.calls < minCalls) return;
    const known = this.#known;
    const share = this.#changed() ? 0 : keep;
    this.#known = {
      calls: known.calls * share + window.calls,
      sum: known.sum * share + window.sum,
      squares: known.squares * share + window.squares,
    };
    this.#window = { calls: 0, sum: 0, squares: 0 };
  }

  #changed(): boolean {
    const [known, window] = [this.#known, this.#window];
    if (known.calls < minCalls) return true;
    const [before, now] = [known.sum / known.calls, window.sum / window.calls];
    if (Math.abs(Math.log(now / before)) < hysteresis) return false;
    const error = Math.sqrt(spread(known) / known.calls + spread(window) / window.calls);
    return Math.abs(now - before) > doubt * error;
  }
}

function spread({ calls, sum, squares }: { calls: number; sum: number; squares: number }): number {
  return Math.max(squares / calls - (sum / calls) ** 2, 0) * (calls / Math.max(calls - 1, 1));
}
