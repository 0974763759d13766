import { setTimeout } from 'node:timers';
import type { InnerChannel } from '../services/limit-server.js';
import { type Engine, RunLost, type Taking } from '../strategies/broker/engine.js';
import {
  decodeMessage,
  encodeMessage,
  type FromAgent,
  type Hello,
  type RunCard,
  type ToAgent,
} from '../strategies/broker/protocol.js';
import { taskError } from '../strategies/session/task-error.js';
import type { Members, Session, SideChannel } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { engineReport, processReport } from '../strategies/worker/usage-report.js';
import { Asks } from './asks.js';
import { BatchWork, type Counts } from './batch-work.js';
import { ForwardedLimits } from './forwarded-limits.js';
import { Inner } from './inner.js';

/**
 * An agent's part in one run. `strategies/broker/protocol.ts` says what it exchanges with the caller. Nothing
 * here computes, because this thread renews the agent's hold on its batches: the documents are with the
 * workers of the session.
 */

/** One wait for messages of the caller lasts this long, ms. */
export const receiveMs = 2000;
/** A member that leaves waits this long for a broker that may be away, ms. */
export const leaveMs = 1000;

export interface MemberOptions {
  /** The member closes it when it leaves. */
  readonly engine: Engine;
  readonly card: RunCard;
  readonly hello: Omit<Hello, 'kind'>;
  /** Opens the session, which answers what tasks ask by this channel. */
  readonly open: (channel: SideChannel) => Promise<Session>;
  /** True where a view of a batch would go to a worker with all of the batch. */
  readonly copyViews: boolean;
  readonly counts: Counts;
}

/** Why a member has left: its run is over, it was asked to, or its session or its broker failed. */
export type Left =
  | { readonly why: 'over' }
  | { readonly why: 'asked' }
  | { readonly why: 'failed'; readonly cause: unknown };

interface Channels {
  readonly asks: Asks;
  readonly limits: ForwardedLimits;
}

export class Member {
  /** Resolves when nothing of the member is left. */
  readonly left: Promise<Left>;
  readonly #options: MemberOptions;
  readonly #session: Session;
  readonly #inner: Inner;
  readonly #batches: BatchWork;
  readonly #asks: Asks;
  readonly #limits: ForwardedLimits;
  #taking: Taking | null = null;
  #leaving = false;
  readonly #resolveLeft: (left: Left) => void;

  /**
   * Joins the run. Resolves when the member takes batches.
   * @throws CannotJoin when the session does not open: the caller knows why, and the engine is closed
   */
  static async join(options: MemberOptions): Promise<Member> {
    const { engine, hello } = options;
    const post = (message: FromAgent) => engine.post(encodeMessage(message));
    const asks = new Asks(hello.agent, post);
    const limits = new ForwardedLimits(hello.agent, post);
    const channel: InnerChannel = { onRequest: (request, { worker }) => asks.ask(request, worker), limits };
    let session: Session;
    try {
      session = await options.open(channel);
    } catch (cause) {
      await refuseRun(engine, hello.agent, cause);
      throw new CannotJoin(cause);
    }
    const member = new Member(options, session, { asks, limits });
    try {
      await member.#begin();
    } catch (cause) {
      await member.#leave({ why: 'failed', cause }, { now: true });
      throw cause;
    }
    return member;
  }

  private constructor(options: MemberOptions, session: Session, { asks, limits }: Channels) {
    this.#options = options;
    this.#session = session;
    this.#inner = new Inner(session);
    this.#batches = new BatchWork({
      engine: options.engine,
      inner: this.#inner,
      hello: options.hello,
      copyViews: options.copyViews,
      counts: options.counts,
      look: () => this.#taking?.look(),
      fail: (cause) => void this.#leave({ why: 'failed', cause }, { now: true }),
    });
    this.#asks = asks;
    this.#limits = limits;
    let left: (left: Left) => void = () => {};
    this.left = new Promise((resolve) => {
      left = resolve;
    });
    this.#resolveLeft = left;
  }

  /** Documents that have no outcome yet. */
  get documents(): number {
    return this.#inner.documents;
  }

  /** Takes no more batches, finishes all that are here, and leaves. */
  async drain(): Promise<void> {
    await Promise.race([this.#taking?.stop(), this.left]);
    await this.#leave({ why: 'asked' });
  }

  /** Reports the documents that are done, gives up the others, and leaves. */
  async end(): Promise<void> {
    await within(leaveMs, this.#batches.reportAll());
    await this.#leave({ why: 'asked' }, { now: true });
  }

  async #begin(): Promise<void> {
    const { engine, card, hello } = this.#options;
    await this.#post({ kind: 'hello', ...hello });
    this.#taking = await engine.take({
      credit: hello.credit,
      wantsMore: () => this.#batches.wantsMore,
      lockMs: card.lockMs,
      sweepMs: card.sweepMs,
      work: (taken) => this.#batches.work(taken),
    });
    process.on('warning', this.#warn);
    void this.#receive();
  }

  /** The caller's program shows what a program that runs the documents itself would. */
  readonly #warn = ({ message: text }: Error): void => {
    const { agent } = this.#options.hello;
    this.#post({ kind: 'warning', agent, text }).catch(() => {}); // the broker refuses it
  };

  /** Receives the caller's messages until the member leaves. */
  async #receive(): Promise<void> {
    const { engine, counts } = this.#options;
    while (!this.#leaving) {
      try {
        const received = await engine.receive(receiveMs);
        counts.heardMs = now();
        for (const { message } of received)
          for (const each of decodeMessage<readonly ToAgent[]>(message)) this.#hear(each);
      } catch (cause) {
        await this.#leave(cause instanceof RunLost ? { why: 'over' } : { why: 'failed', cause }, {
          now: true,
        });
      }
    }
  }

  #hear({ to, message }: ToAgent): void {
    if (this.#leaving || (to !== null && to !== this.#options.hello.agent)) return;
    const { kind } = message;
    if (kind === 'answer' || kind === 'refusal') this.#asks.settle(message);
    else if (kind === 'limit') this.#limits.answer(message.worker, message.answer);
    else if (kind === 'broadcast') this.#session.broadcast(message.message);
    else if (kind === 'cancel') this.#inner.cancel(message.pass);
    else if (kind === 'count') this.#batches.heard.reach(message.count);
    else if (kind === 'drop') this.#inner.drop(message.pass, message.index);
    else if (kind === 'forget') this.#inner.forget(message.pass, message.index);
    else if (kind === 'close') this.#asks.close();
    else if (kind === 'report')
      this.#reportUsage(message.id).catch(() => {}); // the broker refuses it
    else if (kind === 'who') this.#post({ kind: 'hello', ...this.#options.hello }).catch(() => {});
    else void this.#leave({ why: 'over' }, { now: message.now });
  }

  async #reportUsage(id: number): Promise<void> {
    const { engine, hello } = this.#options;
    const startedMs = now();
    await engine.runs();
    const roundTripMs = now() - startedMs;
    const members = await this.#inner.members().catch(() => null);
    await this.#post({
      kind: 'report',
      agent: hello.agent,
      id,
      members: members === null ? null : withOwn(members),
      roundTripMs,
    });
  }

  async #leave(left: Left, { now = false } = {}): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    const { engine, hello } = this.#options;
    this.#batches.end();
    await within(leaveMs, this.#taking?.abandon());
    this.#asks.close();
    await this.#inner.close({ now }).catch(() => {});
    process.off('warning', this.#warn);
    await within(leaveMs, this.#post({ kind: 'bye', agent: hello.agent }));
    await within(leaveMs, engine.close({ remove: false }));
    this.#resolveLeft(left);
  }

  #post(message: FromAgent): Promise<boolean> {
    return this.#options.engine.post(encodeMessage(message));
  }
}

/** The agent cannot open a session for the run. The caller knows why. */
export class CannotJoin extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Tells the caller that this agent cannot work for it, and why. Closes the engine. */
export async function refuseRun(engine: Engine, agent: string, cause: unknown): Promise<void> {
  const message = encodeMessage({ kind: 'failed', agent, error: taskError(cause) });
  await within(leaveMs, engine.post(message));
  await within(leaveMs, engine.close({ remove: false }));
}

function withOwn({ processes, engines, ...rest }: Members): Members {
  return {
    ...rest,
    processes: [processReport(), ...processes],
    engines: [engineReport('agent'), ...engines],
  };
}

/** Waits for a promise, but not for longer than this time. Its error means that the broker is away, too. */
export async function within(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise?.catch(() => {}), timeout]);
  clearTimeout(timer);
}
