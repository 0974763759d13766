import { WorkerEnded } from '../session/task-error.js';

/** The child ended, or could not be reached, before it answered. */
export class Death extends WorkerEnded {
  /** True when the child had announced that it began with the request. */
  readonly began: boolean;
  /** True when we killed the child, because the request took too long. */
  readonly timedOut: boolean;
  /** True when we killed the child, or dropped the request, because a document was cancelled. */
  readonly cancelled: boolean;
  /** All requests that the child has left unanswered share this. */
  readonly unanswered: Unanswered;

  constructor(
    { message, end, reason }: WorkerEnded,
    {
      began = false,
      timedOut = false,
      cancelled = false,
      unanswered,
    }: Partial<Pick<Death, Circumstance>> = {},
  ) {
    super(message, end, reason);
    this.began = began;
    this.timedOut = timedOut;
    this.cancelled = cancelled;
    this.unanswered = unanswered ?? { requests: 1, hasBegun: began, isCounted: false, isExplained: false };
  }
}

type Circumstance = 'began' | 'timedOut' | 'cancelled' | 'unanswered';

/** The requests that a child has left unanswered when it ended. */
export interface Unanswered {
  /** Number of requests whose documents have no outcomes yet. */
  requests: number;
  /** True when the child had begun with one of them. */
  readonly hasBegun: boolean;
  /** True when the end was counted as one before any document. */
  isCounted: boolean;
  /** True when an outcome shows why the child ended, or when we killed it. */
  isExplained: boolean;
}
