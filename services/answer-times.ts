/** What the times of answers say about the way to a service: see `rate-limiter.ts`. */
export class AnswerTimes {
  /** The quickest answer of the period that runs, and of the one before it, ms. */
  #quickestMs = Number.POSITIVE_INFINITY;
  #beforeMs = Number.POSITIVE_INFINITY;
  #begunMs: number | null = null;
  /** Answers that were seen in the period that runs. */
  #seen = 0;
  /** True once enough answers were seen. */
  #isKnown = false;

  /** @param ms the time from the use of a slot until the answer had come */
  see(ms: number, nowMs: number): void {
    this.#begunMs ??= nowMs;
    if (this.#seen >= enough && nowMs > this.#begunMs + periodMs) {
      this.#beforeMs = this.#quickestMs;
      this.#quickestMs = Number.POSITIVE_INFINITY;
      this.#begunMs = nowMs;
      this.#seen = 0;
    }
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    this.#seen++;
    this.#isKnown ||= this.#seen >= enough;
  }

  /** The service surely needs this time from an arrival to its answer, ms. */
  get surelyMs(): number {
    return this.#isKnown ? Math.min(this.#quickestMs, this.#beforeMs) / 2 : 0;
  }
}

/** Fewer answers may all have been slow by chance; a period has this many at least. */
const enough = 20;
/** A service that becomes slower is noticed after about two of these periods, ms. */
const periodMs = 30_000;

/** Whether a limit can wait for the answers of its slots. */
export class Patience {
  /**
   * Requests are assumed to need at most this time more than the quickest ones, where answers are slow, ms.
   */
  readonly jitterMs: number;
  /** The service has refused requests: where answers are slow, slots count for this time more, ms. */
  slackMs = 0;
  readonly #perMs: number;
  /** The share of late answers follows about this number of answers. */
  readonly #memory: number;
  /** The share of late answers among the last ones, older ones weighing less. */
  #lateShare = 0;
  #isSlow = false;

  constructor(max: number, perMs: number, jitterMs: number) {
    this.#perMs = perMs;
    // A machine that was stopped for a while makes a crowd of late answers, and is not a slow service.
    this.#memory = Math.max(minMemory, 2 * max);
    this.jitterMs = jitterMs;
  }

  /** True where most answers are late. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /**
   * How often a slot that is held for this long has been late: once after a tenth of a window, and once more
   * after each window.
   */
  lates(ms: number): number {
    return ms <= maxWait * this.#perMs ? 0 : 1 + Math.floor(ms / this.#perMs - maxWait);
  }

  see(isLate: boolean): void {
    this.#lateShare += ((isLate ? 1 : 0) - this.#lateShare) / this.#memory;
    if (this.#lateShare > 0.5) this.#isSlow = true;
    else if (this.#lateShare < 0.25) this.#isSlow = false;
  }

  allowMoreJitter(): void {
    this.slackMs = Math.min(this.slackMs + this.jitterMs + this.slackMs, this.#perMs / 10);
  }
}

/** Waiting for answers may cost this share of a limit. */
const maxWait = 0.1;
const minMemory = 32;
