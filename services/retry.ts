import type { OpenOptions, RetryOptions, TaskError } from '../strategies/strategy.js';

/** The rule by which a worker tries again; all numbers are there. */
export interface RetryRule {
  readonly attempts: number;
  readonly jitter: number;
  readonly firstMs: number;
  readonly maxMs: number;
  readonly codes: readonly (string | number)[];
  readonly statuses: readonly number[];
}

/** A service may ask for a wait of this length; a document does not wait longer, ms. */
export const maxPauseMs = 10 * 60_000;

/** @throws RangeError that names the option */
export function readRetry({ retry }: Pick<OpenOptions, 'retry'>): RetryRule | null {
  if (retry === undefined) return null;
  const { attempts, budget = usualBudget, jitter = 1, firstMs = 100, maxMs = 20_000 } = retry;
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    throw new RangeError(`expected retry.attempts to be a whole number from 1 on, got ${attempts}`);
  if (!(jitter >= 0 && jitter <= 1))
    throw new RangeError(`expected retry.jitter to be a number from 0 to 1, got ${jitter}`);
  if (!(budget >= 0)) throw new RangeError(`expected retry.budget to be a number from 0 on, got ${budget}`);
  for (const [name, value] of Object.entries({ firstMs, maxMs }))
    if (!(value >= 0 && value <= maxPauseMs))
      throw new RangeError(`expected retry.${name} to be from 0 to ${maxPauseMs} ms, got ${value}`);
  const { codes = [], statuses = [] } = retry;
  return { attempts, jitter, firstMs, maxMs, codes, statuses };
}

/** One retry for ten documents. */
const usualBudget = 0.1;

export function budgetOf(retry: RetryOptions | undefined): number {
  return retry?.budget ?? usualBudget;
}

/** What the task has thrown: the error of a stage has it as its cause. */
export function thrown(error: TaskError): TaskError {
  return error.name === 'StageError' ? (error.cause ?? error) : error;
}

/** Says whether a failure may go away: the task says so, or the rule does. */
export function isRetryable(
  outer: TaskError,
  { codes, statuses }: Pick<RetryRule, 'codes' | 'statuses'>,
): boolean {
  const error = thrown(outer);
  const { retryable, status, statusCode, retryAfterMs } = error.data ?? {};
  if (typeof retryable === 'boolean') return retryable && !isTooLong(retryAfterMs);
  if (isTooLong(retryAfterMs)) return false;
  if (codes.includes(error.code ?? error.name) || codes.includes(error.name)) return true;
  return statuses.includes((status ?? statusCode) as number);
}

function isTooLong(retryAfterMs: unknown): boolean {
  return typeof retryAfterMs === 'number' && retryAfterMs > maxPauseMs;
}

/**
 * How long the next try waits, ms: what the service asks for, and else a random time below a limit that
 * doubles with each try. Random times keep workers that failed together from coming back together.
 * @param tries how often the document was tried
 * @param random a number from 0 to 1
 */
export function backoffMs(
  error: TaskError,
  tries: number,
  { firstMs, maxMs, jitter }: RetryRule,
  random: number,
): number {
  const limitMs = Math.min(maxMs, firstMs * 2 ** (tries - 1));
  const ownMs = limitMs * (1 - jitter * random);
  const asked = thrown(error).data?.retryAfterMs;
  return typeof asked === 'number' && asked >= 0 ? asked + Math.min(ownMs, firstMs) : ownMs;
}

/**
 * Retries of all workers together are at most this share of the documents that have begun. A service that
 * refuses everything then gets a tenth more requests, and not three times as many.
 */
export class RetryBudget {
  /** Retries may be this share of the documents that have begun. */
  readonly share: number;
  #begun = 0;
  #retries = 0;

  constructor(share: number) {
    this.share = share;
  }

  begin(documents: number): void {
    this.#begun += documents;
  }

  /** Takes one retry; false when there is none left. */
  take(): boolean {
    if (this.#retries + 1 > Math.ceil(this.share * this.#begun)) return false;
    this.#retries++;
    return true;
  }
}
