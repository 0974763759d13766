import { setTimeout } from 'node:timers';
import type { InnerChannel } from '../services/limit-server.js';
import type { BatchDocument, DecodedBatch } from '../strategies/broker/batch-blob.js';
import { type Engine, RunLost, type TakenBatch, type Taking } from '../strategies/broker/engine.js';
import {
  decodeMessage,
  encodeMessage,
  type FromAgent,
  type Hello,
  type ResultRows,
  type RunCard,
  type ToAgent,
} from '../strategies/broker/protocol.js';
import { maxWorkersEnded } from '../strategies/session/attempts.js';
import { crashed } from '../strategies/session/outcome.js';
import { owned } from '../strategies/session/owned.js';
import { taskError, WorkerEnded } from '../strategies/session/task-error.js';
import type { AnyDocument, Members, Outcome, Session, SideChannel } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { engineReport, processReport } from '../strategies/worker/usage-report.js';
import { Asks } from './asks.js';
import { ForwardedLimits } from './forwarded-limits.js';
import { Heard } from './heard.js';
import { HeldBatch } from './held-batch.js';
import { Inner, type InnerDocument } from './inner.js';
import { sendable } from './rows.js';
import { Turns } from './turns.js';

/**
 * An agent's part in one run. `strategies/broker/protocol.ts` says what it exchanges with the caller. Nothing
 * here computes, because this thread renews the agent's hold on its batches: the documents are with the
 * workers of the session.
 */

/** The next batch comes when each worker has less than this to do, ms: as long as it takes to come. */
const readyMs = 10;
/** Weight of one document in the running mean of task times. */
const weight = 1 / 16;
/** A batch waits this long at most for messages that were said before it, ms: they may have expired. */
const hearMs = 5000;
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

/** An agent counts what it has done since it started. */
export interface Counts {
  readonly outcomes: Record<Outcome['status'], number>;
  /** Batches that other agents had lost. */
  redelivered: number;
  /** The broker answered last at this time of the clock `now()`. */
  heardMs: number;
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
  readonly #asks: Asks;
  readonly #limits: ForwardedLimits;
  readonly #turns = new Turns();
  /** The numbers of the caller's lists that were heard. */
  readonly #heard = new Heard();
  /** The batches that are here, by their numbers. */
  readonly #batches = new Map<number, HeldBatch>();
  #taking: Taking | null = null;
  /** Running mean of task times, ms; null before the first. */
  #taskMs: number | null = null;
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
    await within(
      leaveMs,
      Promise.all([...this.#batches.values()].map((batch) => this.#report(batch, false))),
    );
    await this.#leave({ why: 'asked' }, { now: true });
  }

  async #begin(): Promise<void> {
    const { engine, card, hello } = this.#options;
    await this.#post({ kind: 'hello', ...hello });
    this.#taking = await engine.take({
      credit: hello.credit,
      wantsMore: () => this.#wantsMore,
      lockMs: card.lockMs,
      sweepMs: card.sweepMs,
      work: (taken) => this.#work(taken),
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
    else if (kind === 'count') this.#heard.reach(message.count);
    else if (kind === 'drop') this.#inner.drop(message.pass, message.index);
    else if (kind === 'forget') this.#inner.forget(message.pass, message.index);
    else if (kind === 'close') this.#asks.close();
    else if (kind === 'report')
      this.#reportUsage(message.id).catch(() => {}); // the broker refuses it
    else if (kind === 'who') this.#post({ kind: 'hello', ...this.#options.hello }).catch(() => {});
    else void this.#leave({ why: 'over' }, { now: message.now });
  }

  /**
   * Deals with one batch. When the session fails, or the member leaves, the promise stays pending, so that
   * the batch is not done and goes to another agent.
   */
  #work(taken: TakenBatch): Promise<void> {
    // The agent was cut off, and gets the batch again that it still runs.
    const held = this.#batches.get(taken.batch);
    if (held !== undefined) return held.done;
    const batch = new HeldBatch(taken, (batch) => this.#report(batch, false));
    this.#batches.set(taken.batch, batch);
    batch.done = this.#run(batch).then(
      () => {
        this.#release(batch);
        if (this.#leaving) return never();
        if (!batch.mayBeRead) taken.free();
        return undefined;
      },
      (cause: unknown) => {
        this.#release(batch);
        void this.#leave({ why: 'failed', cause }, { now: true });
        return never();
      },
    );
    return batch.done;
  }

  #release(batch: HeldBatch): void {
    batch.release();
    this.#batches.delete(batch.taken.batch);
  }

  async #run(batch: HeldBatch): Promise<void> {
    const { counts, hello } = this.#options;
    const { batch: number, lost } = batch.taken;
    const { decoded } = batch;
    if (lost > 0) counts.redelivered++;
    if (decoded === null) await this.#post({ kind: 'no-documents', agent: hello.agent, batch: number });
    else await this.#heard.atLeast(decoded.after, hearMs);
    if (decoded === null) return;
    if (lost > 0) await this.#turns.alone(() => this.#runOneByOne(batch, decoded));
    else await this.#turns.beside(() => this.#runTogether(batch, decoded));
  }

  async #runTogether(batch: HeldBatch, { pass, documents }: DecodedBatch): Promise<void> {
    await this.#inner.run(pass, documents.map(this.#innerDocument), (outcome, place) =>
      this.#add(batch, outcome, place),
    );
    await this.#report(batch, true);
  }

  /**
   * Runs the documents of a batch that another agent has lost, perhaps because of one of them: see "When an
   * agent ends" in the protocol.
   */
  async #runOneByOne(batch: HeldBatch, { pass, documents }: DecodedBatch): Promise<void> {
    const { mark, leaveMark } = batch.taken;
    let { position: place, tries } = mark ?? { position: 0, tries: 0 };
    for (; place < documents.length; place++, tries = 0) {
      const document = documents[place] as BatchDocument;
      if (tries >= maxWorkersEnded) this.#add(batch, endedAgents(document, tries), place);
      else {
        await leaveMark({ position: place, tries: tries + 1 });
        const at = place;
        await this.#inner.run(pass, [this.#innerDocument(document)], (outcome) =>
          this.#add(batch, outcome, at),
        );
      }
      await this.#report(batch, place === documents.length - 1);
    }
  }

  /** True when the workers will soon have done what is here. */
  get #wantsMore(): boolean {
    const { workers } = this.#options.hello;
    const { documents } = this.#inner;
    return documents < workers || (this.#taskMs !== null && documents * this.#taskMs < readyMs * workers);
  }

  #add(batch: HeldBatch, outcome: Outcome, place: number): void {
    // The member has ended its own workers. The document is not to blame, and runs elsewhere.
    if (this.#leaving) return;
    this.#options.counts.outcomes[outcome.status]++;
    const { taskMs } = outcome;
    if (taskMs === null) batch.mayBeRead = true;
    else this.#taskMs = (this.#taskMs ?? taskMs) * (1 - weight) + taskMs * weight;
    if (this.#wantsMore) this.#taking?.look();
    batch.rows.add(outcome, place);
  }

  async #report({ taken, rows }: HeldBatch, last: boolean): Promise<void> {
    if (this.#leaving || (rows.length === 0 && !last)) return;
    const { agent } = this.#options.hello;
    const { batch, lost } = taken;
    const message = (rows: ResultRows): FromAgent => ({ kind: 'results', agent, batch, lost, last, rows });
    const taking = rows.take();
    let bytes: Uint8Array;
    try {
      bytes = encodeMessage(message(taking));
    } catch {
      bytes = encodeMessage(message(sendable(taking)));
    }
    await this.#options.engine.post(bytes);
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

  readonly #innerDocument = (document: BatchDocument): InnerDocument => {
    const { index, id, size, bytes, by, cancellable } = document;
    let given: AnyDocument;
    if (by === 'path') given = { index, id, size, path: bytes };
    else if (by === 'reference') given = { index, id, size, reference: JSON.parse(decoder.decode(bytes)) };
    else given = this.#options.copyViews ? owned({ index, id, size, bytes }) : { index, id, size, bytes };
    return { document: given, cancellable };
  };

  async #leave(left: Left, { now = false } = {}): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    const { engine, hello } = this.#options;
    await within(leaveMs, this.#taking?.abandon());
    for (const batch of this.#batches.values()) batch.release();
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

const decoder = new TextDecoder();
const never = () => new Promise<never>(() => {});

function endedAgents(document: BatchDocument, attempts: number): Outcome {
  const ended = new WorkerEnded(
    `${attempts} agents ended, or were cut off from the broker, while they ran this document and no other`,
  );
  return crashed(document, ended, attempts);
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
