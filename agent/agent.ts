import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnnouncedRun, Connect, Engine } from '../strategies/broker/engine.js';
import { type RunCard, type TaskCode, version } from '../strategies/broker/protocol.js';
import { now } from '../strategies/worker/clock.js';
import { workloads } from '../workloads/index.js';
import { WorkloadError, type WorkloadRef } from '../workloads/workload.js';
import type { Counts } from './batch-work.js';
import { MissingPackages, unpack } from './bundle.js';
import type { Health } from './health.js';
import { CannotJoin, leaveMs, Member, receiveMs, refuseRun, within } from './member.js';
import { copiesViews, openSession, type SessionChoice } from './session.js';

/**
 * One machine's agent. It works for one run at a time, the oldest whose task it accepts, and looks for the
 * next one when that is over. It waits for a broker that goes away.
 */

/** An agent without a run looks for one this often, ms. */
const lookMs = 1000;
/** The broker is away when it has not answered for this long, ms. */
const silentMs = 3 * receiveMs;

/** The tasks that an agent runs: all, or bundles by their hashes and workloads of forkwise by their names. */
export type Accepted = 'any' | ReadonlySet<string>;

export interface AgentOptions {
  readonly url: string;
  readonly connect: Connect;
  readonly accepted: Accepted;
  /** Folder whose packages tasks use. */
  readonly project: string;
  readonly session: SessionChoice;
  /** At most this many batches are here at a time. */
  readonly credit: number;
  /** Gets a line for people. */
  readonly say: (text: string) => void;
}

export class Agent {
  /** Callers know the agent by this name, which is another one after a restart. */
  readonly name = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  readonly #options: AgentOptions;
  readonly #engine: Engine;
  readonly #counts: Counts = {
    outcomes: { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 },
    redelivered: 0,
    heardMs: now(),
  };
  /** Announced runs that this agent does not join, or has left. */
  readonly #left = new Set<string>();
  readonly #stop = new AbortController();
  /** Resolves when the agent is to take no more. */
  readonly #stopped = new Promise<null>((resolve) => {
    this.#stop.signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  /** The broker refused the latest look with this message. */
  #trouble: string | null = null;
  #member: Member | null = null;
  #starting = false;

  /** @throws NoBroker when no broker answers */
  static async connect(options: AgentOptions): Promise<Agent> {
    return new Agent(options, await options.connect({ url: options.url, side: 'agent' }));
  }

  private constructor(options: AgentOptions, engine: Engine) {
    this.#options = options;
    this.#engine = engine;
  }

  get health(): Health {
    const { outcomes, redelivered, heardMs } = this.#counts;
    const isAway = !this.#starting && now() - heardMs > silentMs;
    const usual = isAway ? 'no broker' : this.#starting ? 'starting' : 'ready';
    return {
      state: this.#stop.signal.aborted ? 'draining' : usual,
      documents: this.#member?.documents ?? 0,
      runs: this.#member === null ? 0 : 1,
      outcomes,
      redelivered,
    };
  }

  /**
   * Works until it is drained.
   * @throws WorkloadError when the machine has not the packages that an accepted task needs
   */
  async work(): Promise<void> {
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        const run = await Promise.race([this.#nextRun(), this.#stopped]);
        const isWell = run !== null && (await this.#workFor(run));
        if (!isWell) await sleep(lookMs, null, { signal }).catch(() => {}); // the agent is being drained
      }
    } finally {
      await within(leaveMs, this.#engine.close({ remove: false }));
    }
  }

  /** Takes no more batches, and finishes all that are here. `work` then resolves. */
  drain(): void {
    this.#stop.abort();
    void this.#member?.drain();
  }

  /** Reports what is done, and gives up the rest: other agents run it. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#member?.end();
  }

  /** Returns null when there is none now, or the broker is in trouble. */
  async #nextRun(): Promise<AnnouncedRun | null> {
    try {
      return await this.#look(await this.#engine.runs());
    } catch (cause) {
      const trouble = messageOf(cause);
      if (trouble !== this.#trouble) this.#options.say(`the broker: ${trouble}`);
      this.#trouble = trouble;
      return null;
    }
  }

  async #look(runs: readonly AnnouncedRun[]): Promise<AnnouncedRun | null> {
    this.#counts.heardMs = now();
    this.#trouble = null;
    const announced = new Set(runs.map(({ card }) => card.run));
    // A caller may announce a run again that it has removed.
    for (const id of this.#left) if (!announced.has(id)) this.#left.delete(id);
    for (const run of runs) {
      const { card } = run;
      if (this.#left.has(card.run)) continue;
      if (card.version !== version) this.#pass(card, otherVersion(card));
      // It is for agents that the caller has started itself.
      else if ('url' in card.task.code) this.#left.add(card.run);
      else if (this.#accepts(card.task.code)) return run;
      else await this.#refuse(card, new WorkloadError(notAccepted(card.task)));
    }
    return null;
  }

  #accepts(code: ForeignCode): boolean {
    const { accepted } = this.#options;
    return accepted === 'any' || accepted.has(nameOf(code));
  }

  /** Works for a run until that is over. Returns false when this agent had trouble with it. */
  async #workFor(run: AnnouncedRun): Promise<boolean> {
    const { card } = run;
    const { say } = this.#options;
    this.#starting = true;
    try {
      const task = await this.#taskOf(run);
      if (task === null) return true;
      this.#member = await this.#join(card, task);
      say(`run ${card.run}: task "${card.task.name}"`);
    } catch (cause) {
      if (cause instanceof MissingPackages) throw cause;
      if (cause instanceof CannotJoin) this.#pass(card, cause.message);
      else if (!this.#left.has(card.run)) say(`run ${card.run}: tries again: ${messageOf(cause)}`);
      return false;
    } finally {
      this.#starting = false;
      this.#counts.heardMs = now();
    }
    if (this.#stop.signal.aborted) void this.#member.drain();
    const left = await this.#member.left;
    this.#member = null;
    if (left.why === 'failed') {
      say(`run ${card.run}: left, and joins again: ${messageOf(left.cause)}`);
      return false;
    }
    this.#left.add(card.run);
    say(`run ${card.run}: ${left.why === 'over' ? 'over' : 'left'}`);
    return true;
  }

  /** Returns null when the run was removed. */
  async #taskOf({ card, bundle }: AnnouncedRun): Promise<WorkloadRef | null> {
    const { name, options, code } = card.task;
    try {
      if ('sha256' in code) {
        const bytes = await bundle();
        return bytes === null ? null : { ...unpack(bytes, code.sha256, this.#options.project), options };
      }
      const known = nameOf(code);
      const entry = workloads.find((workload) => workload.name === known);
      if (entry !== undefined) return { name, url: entry.url, options };
      throw new Error(`there is no workload "${known}" in this version of forkwise`);
    } catch (cause) {
      await this.#refuse(card, cause);
      throw cause;
    }
  }

  async #join(card: RunCard, task: WorkloadRef): Promise<Member> {
    const { url, connect, session, credit } = this.#options;
    return Member.join({
      engine: await connect({ url, side: 'agent', run: card.run }),
      card,
      hello: {
        agent: this.name,
        host: hostname(),
        pid: process.pid,
        workers: session.workers,
        credit,
        strategy: session.strategy.name,
      },
      open: (channel) => openSession(session, card, { task, channel }),
      copyViews: copiesViews(session, card),
      counts: this.#counts,
    });
  }

  /** Tells the caller of a run why this agent does not join, once, and remembers it. */
  async #refuse(card: RunCard, cause: unknown): Promise<void> {
    const { url, connect } = this.#options;
    this.#pass(card, messageOf(cause));
    await refuseRun(await connect({ url, side: 'agent', run: card.run }), this.name, cause);
  }

  /** Does not join the run, as long as it is announced. */
  #pass({ run }: RunCard, why: string): void {
    this.#left.add(run);
    this.#options.say(`run ${run}: ${why}`);
  }
}

/** Code of a task that comes from another machine. */
type ForeignCode = Exclude<TaskCode, { readonly url: string }>;

/** `--accept` names code in this way. */
function nameOf(code: TaskCode): string {
  return 'sha256' in code ? code.sha256 : 'workload' in code ? code.workload : code.url;
}

function otherVersion({ task, version: theirs }: RunCard): string {
  return (
    `task "${task.name}": expected version ${version} of the protocol, got ${theirs}; ` +
    'use one version of forkwise everywhere'
  );
}

function notAccepted({ name, code }: RunCard['task']): string {
  return (
    `task "${name}" is not accepted by this agent; to run it, start the agent with ` +
    `--accept ${nameOf(code)}`
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
