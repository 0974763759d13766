import type { Outcome, RetryOptions } from '../strategies/strategy.js';
import { isRetryable, maxPauseMs, thrown } from './retry.js';

/**
 * Decides when a job asks a service that fails everything. It has no clock and no timers: callers bring the
 * time, on one monotonic clock, ms.
 *
 * 1. Closed. Documents are given as they come. Failures of the service are counted, and any document that is
 *    ok sets the count to 0.
 * 2. Open. After `failures` in a row, or when the service asks for a wait of more than ten minutes, no
 *    document is given until the pause is over. Documents that are under way go on. One that fails because
 *    of the service is given again later, and one that is ok closes the circuit.
 * 3. Probe. When the pause is over, one document is given. If it is ok, the circuit is closed. If it fails,
 *    the circuit remains open for twice as long as before, up to `maxMs`. A document that fails for reasons
 *    of its own says nothing about the service, so another one follows at once.
 * 4. Given up. `giveUpMs` after the circuit has opened, or at once if the service asks for a longer wait. The
 *    waiting documents have failed, with the error that they had. A job ends here. For a runner, which has
 *    no end, further documents fail without asking the service, except one each `maxMs`, which is a probe.
 */

/** Says what happens when a service fails everything. */
export interface CircuitOptions {
  /** The circuit opens after this many documents in a row that the service has failed. Absent: 20. */
  readonly failures?: number;
  /** The first pause has this length, ms, and each one is twice as long as the one before. Absent: 1000. */
  readonly firstMs?: number;
  /** The longest pause, ms, unless the service asks for more. Absent: 60,000. */
  readonly maxMs?: number;
  /** Documents wait for the service for this time, ms, and then fail. Absent: 600,000. */
  readonly giveUpMs?: number;
  /** Gets a line when the circuit opens, closes, or a probe fails. Absent: the lines are warnings. */
  readonly onDecision?: (line: string) => void;
}

/** The service asks for a longer wait than a document accepts, or the circuit was given up. */
export const serviceClosed = 'ServiceClosedError';

/** Says what may be given now: every document, one of them, none, or that each is refused. */
export type Turn = 'all' | 'probe' | 'none' | 'refused';

/** Tells what a document says about the service. */
export type Verdict = 'works' | 'fails' | 'neither';

export type CircuitState = 'closed' | 'open' | 'given up';

export interface CircuitEvents {
  /** Gets a line that says what has changed, and what the state is now. */
  readonly changed: (line: string, state: CircuitState) => void;
}

export class Circuit {
  readonly #limits: Required<Omit<CircuitOptions, 'onDecision'>>;
  readonly #rule: Parameters<typeof isRetryable>[1];
  readonly #changed: CircuitEvents['changed'];
  #state: CircuitState = 'closed';
  #failures = 0;
  #reason = '';
  /** The index of the document that is given as a probe; null while there is none. */
  #probe: number | null = null;
  #pauseMs = 0;
  #nextProbeMs = 0;
  #giveUpAtMs = 0;

  /** @throws RangeError that names the option */
  constructor(
    options: CircuitOptions,
    { retry = {}, changed }: { readonly retry?: Partial<RetryOptions> | undefined } & CircuitEvents,
  ) {
    this.#limits = readCircuit(options);
    this.#rule = { codes: retry.codes ?? [], statuses: retry.statuses ?? [] };
    this.#changed = changed;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Says how the service has failed last. */
  get reason(): string {
    return this.#reason;
  }

  /** An open circuit changes at this time without a document; infinity where it does not. */
  nextMs(nowMs: number): number {
    if (this.#state !== 'open') return Number.POSITIVE_INFINITY;
    const isProbeAhead = this.#probe === null && this.#nextProbeMs > nowMs;
    return isProbeAhead ? Math.min(this.#nextProbeMs, this.#giveUpAtMs) : this.#giveUpAtMs;
  }

  turn(nowMs: number): Turn {
    if (this.#state === 'closed') return 'all';
    if (this.#state === 'open' && nowMs >= this.#giveUpAtMs) this.#giveUp();
    if (this.#probe === null && nowMs >= this.#nextProbeMs) return 'probe';
    return this.#state === 'open' ? 'none' : 'refused';
  }

  /** The document with this index is given as the probe. */
  began(index: number): void {
    this.#probe = index;
  }

  /** No probe is under way any more, and it has said nothing. */
  forgetProbe(): void {
    this.#probe = null;
  }

  /** A document has its outcome. */
  see(outcome: Outcome, nowMs: number): Verdict {
    const { index, error } = outcome;
    if (error === undefined && this.#failures === 0) return 'works';
    const isProbe = this.#state !== 'closed' && index === this.#probe;
    if (isProbe) this.#probe = null;
    if (error === undefined) {
      this.#close();
      return 'works';
    }
    const isFailure = this.#isOfService(outcome);
    // A service that does not answer lets documents run into their time limit.
    if (isFailure || (isProbe && outcome.status === 'timed-out')) {
      this.#reason = `${error.name}: ${error.message}`;
      const askedMs = longWaitOf(outcome);
      if (this.#state === 'closed') {
        this.#failures++;
        if (askedMs > 0 || this.#failures >= this.#limits.failures) this.#open(askedMs, nowMs);
      } else if (isProbe) this.#failed(askedMs, nowMs);
    }
    return isFailure ? 'fails' : 'neither';
  }

  #open(askedMs: number, nowMs: number): void {
    const { firstMs, giveUpMs } = this.#limits;
    this.#state = 'open';
    this.#probe = null;
    this.#giveUpAtMs = nowMs + giveUpMs;
    this.#pause(firstMs, askedMs, nowMs);
    if (this.#mayWait())
      this.#changed(
        `the service of the task fails every document (${this.#reason}): ` +
          `documents wait, and one tries again in ${seconds(this.#nextProbeMs - nowMs)}`,
        'open',
      );
    else this.#giveUp();
  }

  #failed(askedMs: number, nowMs: number): void {
    this.#pause(Math.min(this.#limits.maxMs, 2 * this.#pauseMs), askedMs, nowMs);
    if (this.#state === 'given up') return;
    if (this.#mayWait())
      this.#changed(
        `the service still fails (${this.#reason}): the next document tries again in ` +
          seconds(this.#nextProbeMs - nowMs),
        'open',
      );
    else this.#giveUp();
  }

  #pause(pauseMs: number, askedMs: number, nowMs: number): void {
    this.#pauseMs = pauseMs;
    this.#nextProbeMs = nowMs + Math.max(pauseMs, askedMs);
  }

  /** A probe that would come after the end is not waited for. */
  #mayWait(): boolean {
    return this.#nextProbeMs < this.#giveUpAtMs;
  }

  #giveUp(): void {
    this.#state = 'given up';
    this.#pauseMs = this.#limits.maxMs;
    this.#changed(`the service of the task fails every document (${this.#reason})`, 'given up');
  }

  #close(): void {
    const wasOpen = this.#state !== 'closed';
    this.#failures = 0;
    this.#state = 'closed';
    this.#probe = null;
    if (wasOpen) this.#changed('the service works again', 'closed');
  }

  /**
   * The service has failed the document: the task marks the error as retryable, the rule names it, it was
   * tried again, or it has a status of HTTP that says so.
   */
  #isOfService({ error: outer, tries = 1 }: Outcome): boolean {
    if (outer === undefined) return false;
    const error = thrown(outer);
    const { retryable, status, statusCode } = error.data ?? {};
    const code = Number(status ?? statusCode);
    if (error.name === serviceClosed || retryable === true || code === 429 || code >= 500) return true;
    return tries > 1 || isRetryable(error, this.#rule);
  }
}

/** How long the service asks to wait, ms, where that is longer than a document waits; else 0. */
function longWaitOf({ error }: Outcome): number {
  const asked = error === undefined ? undefined : thrown(error).data?.retryAfterMs;
  return typeof asked === 'number' && asked > maxPauseMs ? asked : 0;
}

function readCircuit(options: CircuitOptions): Required<Omit<CircuitOptions, 'onDecision'>> {
  const { failures = 20, firstMs = 1000, maxMs = 60_000, giveUpMs = 600_000 } = options;
  if (!Number.isSafeInteger(failures) || failures < 1)
    throw new RangeError(`expected circuit.failures to be a whole number from 1 on, got ${failures}`);
  for (const [name, value] of Object.entries({ firstMs, maxMs }))
    if (!(value > 0 && value <= maxTimerMs))
      throw new RangeError(`expected circuit.${name} to be above 0 and up to ${maxTimerMs} ms, got ${value}`);
  if (!(giveUpMs >= 0))
    throw new RangeError(`expected circuit.giveUpMs to be a number from 0 on, got ${giveUpMs}`);
  return { failures, firstMs: Math.min(firstMs, maxMs), maxMs, giveUpMs };
}

/** Timers of Node take no more, ms. */
export const maxTimerMs = 2 ** 31 - 1;

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}
