import type { Budget, Slot } from './limits.js';

/**
 * Workers and their caller exchange these messages about limits of services. They travel over the side
 * channel, apart from what tasks ask. `clockMs` is the sender's clock when it sent the message. Where both
 * are on one machine, their clocks are the same.
 *
 * A worker wants slots for tasks that wait, and gets one for each, at most a tenth of a second ahead. It says
 * that a slot is used before the task goes on, so when the worker dies, the caller knows what was used. Where
 * tasks take slots so fast that this would cost much, a worker gets some in advance, and says later which of
 * them were used. It also says when the answer of each has come: the slot is held until then, and
 * `rate-limiter.ts` says why. That may come a little later than the answer, together with other words.
 */

/** A worker sends these facts. */
export interface LimitRequest {
  readonly clockMs: number;
  /** Tasks that wait for a slot. */
  readonly wants?: readonly Want[];
  /** The worker will soon need this many slots more. */
  readonly advance?: number;
  /** Slots that were used, and when, in the worker's clock. */
  readonly used?: readonly UsedSlot[];
  /** Slots that were not used, and will not be. */
  readonly unused?: readonly number[];
  /** Answers of the service. */
  readonly answers?: readonly Answered[];
  /** Slots whose answers have come and say nothing else, and slots whose documents have ended. */
  readonly done?: readonly DoneSlot[];
  /** The worker has ended: a process between it and the caller says so. */
  readonly ended?: true;
  /** Documents that were tried for the first time since the worker has said so. */
  readonly begun?: number;
  /** Documents that would be tried again, by numbers of the worker's. */
  readonly retries?: readonly number[];
}

export interface Want {
  readonly want: number;
  readonly tokens: number;
}

export interface UsedSlot {
  readonly id: number;
  readonly atMs: number;
}

export interface DoneSlot {
  readonly id: number;
  /** The time from the use of the slot, ms. */
  readonly tookMs: number;
}

/** What a worker has learned from one answer of the service. */
export interface Answered {
  /** The slot of the request; null where it had none. */
  readonly id: number | null;
  /** The time from the use of the slot, ms; null where there was no slot. */
  readonly tookMs: number | null;
  /** Tokens that the request had; null where that is unknown. */
  readonly tokens: number | null;
  /** True for 429, 503 and the other refusals that `isRefusal` knows. */
  readonly isRefused: boolean;
  /** The service asks to wait for this time, ms; null where it does not. */
  readonly pauseMs: number | null;
  readonly budgets: readonly Budget[];
}

/** The caller sends these facts. */
export interface LimitAnswer {
  readonly clockMs: number;
  readonly given?: readonly Given[];
  /** No slot may be used before this time of the caller's clock. */
  readonly closedUntilMs?: number;
  /** Answers `retries`: documents that may not be tried again have failed. */
  readonly retries?: { readonly asked: readonly number[]; readonly allowed: readonly number[] };
}

/** `atMs` is in the caller's clock; `untilMs` is in the worker's, counted from when it sent the want. */
export interface Given extends Slot {
  /** The want that it answers; null for a slot in advance. */
  readonly want: number | null;
}
