import type { ChildProcess } from 'node:child_process';
import { clearTimeout, setTimeout } from 'node:timers';
import { cancelGrace } from '../session/cancelling.js';
import { abortGraceMs } from '../session/outcome.js';
import { WorkerEnded } from '../session/task-error.js';
import { Death, type Unanswered } from './death.js';
import type { Numbered } from './messages.js';

/**
 * The requests to one child that have no answer yet, in their order.
 *
 *   sent       the child has it; the first requests are sent before they can be served, unless one of them
 *              may be cancelled or must be alone
 *   begun      where requests are watched, the child has announced it
 *   answered   its promise is resolved; one that the child leaves unanswered is rejected with a `Death`
 *
 * The clock of a request that has begun kills the child at the time limit. While no request has begun, the
 * clocks of the next ones run, so that a child which never begins is killed too. A request that waits behind
 * others has no clock: the child may rightly take long until it begins it, and the clock of what it has begun
 * finds a child that hangs.
 */
export class Requests<Message extends object, Answer> {
  readonly #process: ChildProcess;
  readonly #kind: RequestKind<Message>;
  readonly #waiting: Request<Message, Answer>[] = [];
  #asked = 0;
  #isCancelled = false;
  #tookTooLong = false;
  /** The child has ended. */
  #end: { readonly cause: WorkerEnded; readonly unanswered: Unanswered } | null = null;

  constructor(process: ChildProcess, kind: RequestKind<Message>) {
    this.#process = process;
    this.#kind = kind;
  }

  get areAnswered(): boolean {
    return this.#waiting.length === 0;
  }

  /** True when the child was killed because a document was cancelled. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** @throws Death */
  ask(message: Message, cancellable: number | null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) {
        const { cause, unanswered } = this.#end;
        unanswered.requests++;
        return reject(new Death(cause, { cancelled: this.#isCancelled, unanswered }));
      }
      const number = ++this.#asked;
      const state = { began: false, timedOut: false, sent: false, killTimer: null, timer: null };
      this.#waiting.push({ number, message, cancellable, resolve, reject, ...state });
      this.#send();
      if (this.#waiting.length <= this.#atOnce) this.#startClocks();
    });
  }

  answered(answer: Answer & Numbered): void {
    const [request] = this.#waiting.splice(this.#placeOf(answer), 1) as [Request<Message, Answer>];
    stopClocks(request);
    request.resolve(answer);
    this.#send();
    this.#startClocks();
  }

  began(message: Numbered): void {
    const request = this.#waiting[this.#placeOf(message)];
    if (request !== undefined) request.began = true;
    this.touched(message);
  }

  /** The time limit of the request begins again. */
  touched(message: Numbered): void {
    const request = this.#waiting[this.#placeOf(message)];
    if (request === undefined) return;
    stopTimer(request);
    this.#startClocks();
  }

  /** Drops the document if it was not sent; else kills the child if it does not answer in time. */
  cancel(index: number): void {
    const place = this.#waiting.findIndex(({ cancellable }) => cancellable === index);
    const request = this.#waiting[place];
    if (request === undefined) return;
    if (request.sent) {
      request.killTimer = setTimeout(
        () => {
          this.#isCancelled = true;
          this.#process.kill('SIGKILL');
        },
        cancelGrace.ms + (this.#kind.moreGraceMs ?? 0),
      );
      return;
    }
    this.#waiting.splice(place, 1);
    request.reject(new Death(new WorkerEnded('the document was cancelled'), { cancelled: true }));
    this.#send();
  }

  /** The child has ended, so that no request is answered any more. */
  end(cause: WorkerEnded): void {
    const unanswered: Unanswered = {
      requests: this.#waiting.length,
      hasBegun: this.#waiting.some(({ began }) => began),
      isCounted: false,
      isExplained: this.#isCancelled || this.#tookTooLong,
    };
    this.#end = { cause, unanswered };
    for (const request of this.#waiting.splice(0)) {
      stopClocks(request);
      const { began, timedOut } = request;
      request.reject(new Death(cause, { began, timedOut, cancelled: this.#isCancelled, unanswered }));
    }
  }

  get #atOnce(): number {
    return this.#kind.atOnce?.() ?? 1;
  }

  /** Returns where the request waits that the message is about. */
  #placeOf({ request }: Numbered): number {
    return request === undefined ? 0 : this.#waiting.findIndex(({ number }) => number === request);
  }

  /** Sends the requests that may be sent, in their order. */
  #send(): void {
    const { isAlone } = this.#kind;
    const [head] = this.#waiting;
    const headIsAlone = head !== undefined && isAlone?.(head.message) === true;
    for (const [place, request] of this.#waiting.entries()) {
      if (request.sent) continue;
      const { message, number: own, cancellable } = request;
      if (place > 0 && (headIsAlone || isAlone?.(message))) return;
      if (cancellable !== null && place >= this.#atOnce) return;
      request.sent = true;
      // A cut channel ends the child, which rejects all requests.
      this.#process.send({ ...message, request: own }, ignore);
    }
  }

  /** Starts the clocks of the requests that the child may be serving now, and stops those of the others. */
  #startClocks(): void {
    const served = this.#waiting.slice(0, this.#atOnce).filter(({ sent }) => sent);
    const hasBegun = served.some(({ began }) => began);
    for (const request of served) {
      const limit = this.#kind.limitOf(request.message);
      if (limit === null) continue;
      const isBehind = limit.isWatched && !request.began && hasBegun;
      if (isBehind) stopTimer(request);
      else if (request.timer === null) {
        const startMs = limit.isWatched && !request.began ? beginGraceMs : 0;
        request.timer = setTimeout(() => this.#late(request), limit.ms + abortGraceMs + startMs);
      }
    }
  }

  /** The time of others counts as its own when the child has begun with several requests. */
  #late(request: Request<Message, Answer>): void {
    request.timedOut = !this.#waiting.some((other) => other !== request && other.began);
    this.#tookTooLong = true;
    this.#process.kill('SIGKILL'); // SIGKILL ends a stopped process, too
  }
}

/** Requests to children of different strategies differ in this. */
export interface RequestKind<Message> {
  /** The time limit of a request; null where it has none. It counts from when the child begins with it. */
  limitOf(message: Message): RequestLimit | null;
  /** The child serves this many requests at the same time. Absent: one. */
  atOnce?(): number;
  /** Tells whether no other request may be served beside this one. Absent: none is so. */
  isAlone?(message: Message): boolean;
  /**
   * A child that ends cancelled tasks itself has this much longer than their grace, ms, before it is killed.
   * Absent: 0.
   */
  readonly moreGraceMs?: number;
}

/** A request has this time limit. */
export interface RequestLimit {
  /** The child is killed this long after it began with the request, ms. */
  readonly ms: number;
  /** True where the child announces that it begins: the limit then counts from there. */
  readonly isWatched: boolean;
}

/**
 * A watched batch may take this much longer than its time limit to begin, ms: the process may be stopped, or
 * starved.
 */
const beginGraceMs = 5000;

/** The timers of a request; null while they do not run. */
interface Clocks {
  /** Kills the child when the request takes too long. */
  timer: NodeJS.Timeout | null;
  /** Kills the child when the document was cancelled and its task does not end. */
  killTimer: NodeJS.Timeout | null;
}

interface Request<Message, Answer> extends Clocks {
  readonly number: number;
  readonly message: Message;
  /** Index of the only document of the batch, when that may be cancelled; else null. */
  readonly cancellable: number | null;
  sent: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: Death) => void;
  began: boolean;
  timedOut: boolean;
}

function stopClocks(clocks: Clocks): void {
  if (clocks.killTimer !== null) clearTimeout(clocks.killTimer);
  stopTimer(clocks);
}

function stopTimer(clocks: Clocks): void {
  if (clocks.timer !== null) clearTimeout(clocks.timer);
  clocks.timer = null;
}

const ignore = () => {};
