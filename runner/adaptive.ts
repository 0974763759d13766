import { freemem } from 'node:os';
import { clearInterval, setInterval } from 'node:timers';
import { Adaptive } from '../control/adaptive.js';
import type { Signals } from '../control/guards.js';
import type { Decision, DecisionKind } from '../control/work-number.js';
import { effectiveCores, quotaPeriods } from '../strategies/processes/cores.js';
import { memoryBytes } from '../strategies/processes/memory-share.js';
import { threadDelayMs, treeUsage } from '../strategies/processes/tree-usage.js';
import type { Outcome, Session, TaskError } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { Adapts } from './adapts.js';

export type { DecisionKind };

/** The number of documents at the same time, where it follows the load. */
export interface AdaptiveStats {
  /**
   * Documents that each worker runs at the same time; all documents in flight of `async`. A probe that is in
   * progress is left out.
   */
  readonly number: number;
  /** The lowest number so far. */
  readonly low: number;
  /** The highest number so far. */
  readonly high: number;
  /** The number has moved this often. Probes, which go back, do not count. */
  readonly moves: number;
  /** The last move: its time, ms since the runner opened, and a line that says why. Null before the first. */
  readonly lastMove: { readonly atMs: number; readonly why: string } | null;
  /** Decisions of each kind. */
  readonly decisions: Readonly<Record<DecisionKind, number>>;
}

/** A decision about the number of documents at the same time. */
export interface AdaptiveDecision {
  /** A probe tries a number for a while; `back`, `raise`, `lower` and `guard` settle on one. */
  readonly kind: DecisionKind;
  /** When it was taken, ms since the runner opened. */
  readonly atMs: number;
  /** The number is this from now on. */
  readonly number: number;
  /** One line that says what was decided and why. */
  readonly why: string;
}

export interface AdaptiveOptions {
  /** This adapts: see `adapts`. */
  readonly kind: Adapts;
  readonly start: number;
  /** Workers that each run `number` documents. */
  readonly workers: number;
  /** Tasks run in this process, and not in children. */
  readonly isHere: boolean;
  readonly onDecision: (decision: AdaptiveDecision) => void;
}

/** Signals are looked at this often, ms; signals that cost a system call at every fourth time. */
const lookMs = 250;
const looksPerRead = 4;
/** The number never rises above this, or twice its start. */
const highest = { 'per worker': 256, 'in flight': 1024 } as const;

/**
 * Lets a session's number of documents at the same time follow the load: it hands outcomes and signals to the
 * controller, and the controller's number to the session.
 */
export class AdaptiveNumber {
  readonly #session: Session;
  readonly #options: AdaptiveOptions;
  readonly #controller: Adaptive;
  readonly #machine: Machine;
  readonly #openedMs = now();
  readonly #timer: NodeJS.Timeout;
  #applied: number;
  #onNumber: (documents: number) => void = () => {};

  constructor(session: Session, options: AdaptiveOptions) {
    const { kind, start, workers, isHere } = options;
    this.#machine = new Machine({ isHere });
    this.#session = session;
    this.#options = options;
    this.#controller = new Adaptive({ start, workers, max: Math.max(highest[kind], 2 * start) });
    this.#applied = start;
    session.setPerWorker?.(start);
    this.#controller.decide(now(), this.#machine.look());
    this.#timer = setInterval(() => this.#decide(this.#machine.look()), lookMs);
    this.#timer.unref();
  }

  /** @param onNumber gets the documents that may be at work, when that changes */
  begin(onNumber: (documents: number) => void): void {
    this.#onNumber = onNumber;
  }

  /**
   * A document has its outcome.
   * @param bytes its size
   * @param held documents that the session had then, this one included
   */
  ended(outcome: Outcome, bytes: number, held: number): void {
    const { taskMs } = outcome;
    if (taskMs === null) return;
    const isDue =
      outcome.status === 'failed' && isRefusal(outcome.error)
        ? this.#controller.refused(taskMs)
        : this.#controller.completed({ atMs: now(), taskMs, bytes, held });
    if (isDue) this.#decide();
  }

  stats(): AdaptiveStats {
    const { resting, range, moves, lastMove, counts } = this.#controller;
    return {
      number: resting,
      ...range,
      moves,
      lastMove: lastMove === null ? null : { atMs: lastMove.atMs - this.#openedMs, why: lastMove.why },
      decisions: Object.fromEntries(counts) as Record<DecisionKind, number>,
    };
  }

  /** No further signal is read. */
  close(): void {
    clearInterval(this.#timer);
  }

  #decide(signals?: Signals): void {
    const decisions = this.#controller.decide(now(), signals);
    const { number } = this.#controller;
    if (number !== this.#applied) {
      this.#applied = number;
      this.#session.setPerWorker?.(number);
      this.#onNumber(number * this.#options.workers);
    }
    for (const decision of decisions) this.#report(decision);
  }

  #report(decision: Decision): void {
    this.#options.onDecision({ ...decision, atMs: decision.atMs - this.#openedMs });
  }
}

/** Reads the signals of this machine. */
class Machine {
  readonly #isHere: boolean;
  readonly #periods = quotaPeriods();
  #read: Signals = {};
  #looks = 0;
  #expectedMs = now() + lookMs;
  #lateMs = 0;
  #delayedMs = threadDelayMs();
  #before = this.#periods?.() ?? null;

  constructor({ isHere }: Pick<AdaptiveOptions, 'isHere'>) {
    this.#isHere = isHere;
  }

  look(): Signals {
    const nowMs = now();
    const delayedMs = threadDelayMs();
    // A loop that had no core is not late by its own work.
    const lateMs = nowMs - this.#expectedMs - (delayedMs - this.#delayedMs);
    this.#delayedMs = delayedMs;
    this.#lateMs = Math.max(this.#lateMs, lateMs);
    this.#expectedMs = nowMs + lookMs;
    if (this.#looks++ % looksPerRead !== 0) return this.#read;
    const { memoryBytes: used, cpuMs, ownCpuMs } = treeUsage();
    const loopDelayMs = this.#lateMs;
    this.#lateMs = 0;
    this.#read = {
      memoryBytes: used,
      // Other programs need memory, too.
      memoryLimitBytes: Math.min(memoryBytes(), used + freemem()),
      cpuMs,
      tasksCpuMs: this.#isHere ? ownCpuMs : cpuMs,
      cores: effectiveCores().effective,
      loopDelayMs,
      throttledShare: this.#throttledShare(),
    };
    return this.#read;
  }

  #throttledShare(): number {
    const [before, periods] = [this.#before, this.#periods?.() ?? null];
    this.#before = periods;
    if (before === null || periods === null || periods.all <= before.all) return 0;
    return (periods.throttled - before.throttled) / (periods.all - before.all);
  }
}

/** HTTP's status for too many requests, where clients of services put it. */
const tooMany = 429;

/** Tells whether a service has refused a document because it had too many. */
function isRefusal({ code, data, message, cause }: TaskError): boolean {
  if ([code, data?.status, data?.statusCode].some((value) => Number(value) === tooMany)) return true;
  if (/\b429\b|too many requests|rate.?limit/i.test(message)) return true;
  return cause !== undefined && isRefusal(cause);
}
