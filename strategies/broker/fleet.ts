import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { CallerEnd } from '../session/side-channel.js';
import type { ToTask } from '../session/side-channel-protocol.js';
import type { MachineReport, Member, Members, TaskError } from '../strategy.js';
import type { FromAgent, Hello, ToAgent } from './protocol.js';

/** Agents have this long to answer when they are asked for their usage, ms. */
const reportMs = 3000;

/** The agents of a run, as the caller knows them. */
export class Fleet {
  readonly #callerEnd: CallerEnd;
  readonly #postAll: (messages: readonly ToAgent[]) => void;
  readonly #pass: () => number;
  /** Messages that are posted together at the end of this turn of the event loop. */
  #outgoing: ToAgent[] = [];
  /** The last list that was begun has this number. A later caller of the run begins with a higher one. */
  #count = Date.now();
  readonly #warned = new Set<string>();
  readonly #agents = new Map<string, Agent>();
  readonly #asked = new Map<number, Asked>();
  #lastAsked = 0;
  #failure: TaskError | null = null;
  /** These functions look again whether what they wait for has come. */
  readonly #waiting = new Set<() => void>();
  /** Is called when an agent has joined, with the number of batches that it and its queue should have. */
  joined: (slots: number) => void = () => {};

  /** @param pass returns the number of the current pass, or of the last one */
  constructor(
    callerEnd: CallerEnd,
    {
      postAll,
      pass,
    }: { readonly postAll: (messages: readonly ToAgent[]) => void; readonly pass: () => number },
  ) {
    this.#callerEnd = callerEnd;
    this.#postAll = postAll;
    this.#pass = pass;
  }

  /** An agent that has heard up to this number has heard all that the caller has said so far. */
  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#agents.size;
  }

  /** All agents together have this many workers. */
  get workers(): number {
    return this.#sum(({ workers }) => workers);
  }

  /** One agent has this many workers on average. */
  get workersEach(): number {
    return Math.max(1, Math.ceil(this.workers / Math.max(1, this.size)));
  }

  /** This many batches keep all agents busy: what they may have, and two that wait for each. */
  get slots(): number {
    return this.#sum(slotsOf);
  }

  /** Why an agent could not join; null when none has said so. */
  get failure(): TaskError | null {
    return this.#failure;
  }

  receive(message: Exclude<FromAgent, { kind: 'results' | 'no-documents' }>): void {
    const { agent } = message;
    if (message.kind === 'hello') this.#hello(message);
    if (message.kind === 'failed') this.#failure ??= message.error;
    if (message.kind === 'bye') this.left(agent);
    if (message.kind === 'warning') this.#warn(message.text);
    if (message.kind === 'ask')
      this.#agents.get(agent)?.receive(message.request, `${agent}/${message.worker}`);
    if (message.kind === 'report') this.#asked.get(message.id)?.answer(message);
    this.look();
  }

  /** The agent has ended. Returns whether it had joined. */
  left(agent: string): boolean {
    this.#agents.get(agent)?.ended();
    const hadJoined = this.#agents.delete(agent);
    this.look();
    return hadJoined;
  }

  /** Asks the agents that are with the run already to say so. */
  ask(): void {
    this.#post({ to: null, message: { kind: 'who' } });
  }

  /** Resolves with what `found` returns when that is not null, or with null after this time. */
  until<Value>(found: () => Value | null, ms: number): Promise<Value | null> {
    return new Promise((resolve) => {
      const end = (value: Value | null) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(value);
      };
      const look = () => {
        const value = found();
        if (value !== null) end(value);
      };
      const timer = setTimeout(() => end(null), ms);
      this.#waiting.add(look);
      look();
    });
  }

  /** Asks all agents for their usage. Agents that do not answer in time are left out. */
  async report(): Promise<{ readonly members: Members; readonly missing: number }> {
    const id = ++this.#lastAsked;
    const asked = [...this.#agents.values()].map(({ hello }) => hello);
    const answers: Report[] = [];
    this.#asked.set(id, { answer: (report) => void answers.push(report) });
    this.#post({ to: null, message: { kind: 'report', id } });
    await this.until(() => (answers.length >= asked.length ? true : null), reportMs);
    this.#asked.delete(id);
    const all = answers.map(
      ({ members }) => members ?? { processes: [], engines: [], partial: true as const },
    );
    const processes: Member[] = all.flatMap(({ processes }) => processes);
    const engines = answers.flatMap(({ agent }, i) =>
      (all[i] as Members).engines.map((engine) => ({ ...engine, worker: `${agent}/${engine.worker}` })),
    );
    const machines: MachineReport[] = answers.flatMap(({ agent, roundTripMs }) => {
      const hello = asked.find((hello) => hello.agent === agent);
      return hello ? [{ agent, host: hello.host, workers: hello.workers, roundTripMs }] : [];
    });
    const missing = asked.length - answers.length;
    const isPartial = missing > 0 || all.some(({ partial }) => partial === true);
    return { members: { processes, engines, machines, ...(isPartial && { partial: true }) }, missing };
  }

  #post(message: ToAgent): void {
    if (this.#outgoing.push(message) > 1) return;
    this.#outgoing.push({ to: null, message: { kind: 'count', count: ++this.#count } });
    setImmediate(() => {
      const messages = this.#outgoing;
      this.#outgoing = [];
      this.#postAll(messages);
    });
  }

  #send(agent: string, message: ToTask): void {
    const { kind } = message;
    if (kind === 'resume') return; // the next pass is not cancelled
    if (kind === 'cancel') this.#post({ to: agent, message: { kind, pass: this.#pass() } });
    else if (kind === 'drop' || kind === 'forget')
      this.#post({ to: agent, message: { kind, pass: this.#pass(), index: message.index } });
    else this.#post({ to: agent, message });
  }

  #hello(hello: Hello): void {
    const { agent } = hello;
    if (this.#agents.has(agent)) return;
    const { receive, ended } = this.#callerEnd.connect(agent, {
      send: (message) => this.#send(agent, message),
      close() {},
      sharesClock: false,
    });
    this.#agents.set(agent, { hello, receive, ended });
    this.joined(slotsOf(hello));
  }

  #sum(of: (hello: Hello) => number): number {
    let sum = 0;
    for (const { hello } of this.#agents.values()) sum += of(hello);
    return sum;
  }

  /** Passes a warning of an agent on, once. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    process.emitWarning(text);
  }

  /** Looks again whether what is waited for has come. */
  look(): void {
    for (const look of [...this.#waiting]) look();
  }
}

interface Agent extends ReturnType<CallerEnd['connect']> {
  readonly hello: Hello;
}

type Report = Extract<FromAgent, { kind: 'report' }>;

interface Asked {
  answer(report: Report): void;
}

/** Two batches wait: an agent that finds none asks Redis twice for the next one. */
function slotsOf({ credit }: Hello): number {
  return credit + 2;
}
