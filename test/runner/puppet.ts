import { setImmediate as turn } from 'node:timers/promises';
import { createRunner, type InputBytes, type Runner, type RunnerOptions } from '../../index.js';
import { SessionRunner } from '../../runner/session-runner.js';
import type { Cancelling } from '../../strategies/session/cancelling.js';
import { guarded } from '../../strategies/session/session.js';
import { alone, type Delivery, type Outcome, type Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { fixture } from '../support.js';

export const odd = new URL(fixture('odd-task').url);

export const document = (id: string, size = 10): InputBytes => ({
  id,
  bytes: new Uint8Array(size).fill(1),
});
export const documents = (count: number, id = 'size', size = 10) =>
  Array.from({ length: count }, (_, i) => document(`${id}${i}`, size));

export async function collect(outcomes: AsyncIterable<Outcome>): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for await (const outcome of outcomes) all.push(outcome);
  return all;
}

export async function withRunner(
  options: Partial<RunnerOptions>,
  use: (runner: Runner) => Promise<void>,
): Promise<void> {
  const runner = await createRunner({ task: odd, strategy: 'self-scheduling', workers: 2, ...options });
  try {
    await use(runner);
  } finally {
    await runner.close();
  }
}

/** A session that the test controls: it pulls as far as it may, and answers when the test says so. */
export class Puppet {
  readonly pulled: Document[] = [];
  /** The ids of documents that may be cancelled, as far as they were pulled. */
  readonly cancellable: string[] = [];
  runs = 0;
  /** True where documents by reference are taken. */
  takesReferences = false;
  closes = 0;
  /** True when documents are answered at once. */
  readonly #prompt: boolean;
  readonly #most: number;
  readonly #taskMs: number;
  /** Every task returns this; its document's id where it is undefined. */
  readonly #value: unknown;
  #emit: (outcome: Outcome) => void | Promise<void> = () => {};
  #answered = 0;
  #count = 0;
  #wake = () => {};
  #failure: Error | null = null;
  readonly session: Session;

  constructor({
    prompt = false,
    most = Number.POSITIVE_INFINITY,
    taskMs = 0.1,
    value = undefined as unknown,
  } = {}) {
    this.#taskMs = taskMs;
    this.#value = value;
    this.#prompt = prompt;
    this.#most = most;
    const takesReferences = () => this.takesReferences;
    this.session = guarded({
      get takesReferences() {
        return takesReferences();
      },
      run: (source, emit, cancelling) => this.#run(source, emit, cancelling),
      members: async () => alone,
      close: async () => void this.closes++,
    });
  }

  runner(workers = 1, delivery: Delivery = 'none'): SessionRunner {
    return new SessionRunner(this.session, { strategy: 'puppet', workers, delivery, see: () => {} });
  }

  async #run(
    source: Iterable<Document> | AsyncIterable<Document>,
    emit: (outcome: Outcome) => void | Promise<void>,
    cancelling: Cancelling,
  ): Promise<void> {
    this.runs++;
    this.#emit = emit;
    for await (const next of source) {
      this.pulled.push(next);
      if (cancelling.may(next.index)) this.cancellable.push(next.id);
      this.#count++;
      if (this.#prompt) this.ok(next);
      while (this.#count - this.#answered >= this.#most && this.#failure === null) await this.#change();
      if (this.#failure !== null) throw this.#failure;
    }
    while (this.#answered < this.#count && this.#failure === null) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  ok({ index, id }: Document): void {
    this.#answer({
      index,
      id,
      worker: 'thread-1',
      queuedMs: 1,
      taskMs: this.#taskMs,
      status: 'ok',
      value: this.#value ?? id,
    });
  }

  crash({ index, id }: Document, attempts?: number): void {
    const error = { name: 'Error', message: 'ended', ...(attempts !== undefined && { attempts }) };
    this.#answer({ index, id, worker: null, queuedMs: null, taskMs: null, status: 'crashed', error });
  }

  fail(): void {
    this.#failure = new Error('strategy broken');
    this.#wake();
  }

  #answer(outcome: Outcome): void {
    this.#answered++;
    this.#emit(outcome);
    this.#wake();
  }
}

/** Until nothing more happens by itself. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

/** Until a count has stayed the same for twenty turns of the event loop: a source is read in short spells. */
export async function standing(count: () => number): Promise<void> {
  let before = count();
  for (let same = 0; same < 20; same++) {
    await turn();
    if (count() !== before) same = 0;
    before = count();
  }
}
