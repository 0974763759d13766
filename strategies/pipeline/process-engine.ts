import { Child, type ChildKind, type StartOptions } from '../processes/child.js';
import type { Death } from '../processes/death.js';
import { WorkerEnded } from '../session/task-error.js';
import { processWorker } from '../worker/worker-id.js';
import type { Engine, EngineEvents, EngineRequest, Usage } from './engine.js';
import type { RunReplies, StageAnswer, StageStart, ToStage } from './protocol.js';

type StageChild = Child<ToStage, StageAnswer>;

export type ProcessEngineOptions = Omit<StartOptions, 'entry' | 'fd' | 'heapMb'> & {
  readonly start: StageStart;
};

const entry = new URL('./worker/process.js', import.meta.url);

/** A child process that serves stages. */
export class ProcessEngine<Request extends EngineRequest> implements Engine<Request> {
  readonly #child: StageChild;
  readonly #events: EngineEvents<Request>;
  readonly #waiting: Request[] = [];
  #death: Death | null = null;
  #killed = false;
  #closing = false;

  /** Resolves when the child has opened its stages; rejects with the reason why it could not. */
  static async start<Request extends EngineRequest>(
    { start, ...options }: ProcessEngineOptions,
    events: EngineEvents<Request>,
  ): Promise<ProcessEngine<Request>> {
    const limits = new WeakMap<ToStage, number>();
    const kind: ChildKind<ToStage> = {
      start,
      answers: ['replies', 'report'] satisfies StageAnswer['kind'][],
      limitOf(message) {
        const ms = limits.get(message);
        return ms === undefined ? null : { ms, isWatched: message.kind === 'run' && message.isWatched };
      },
    };
    const child: StageChild = await Child.start({ ...options, entry, fd: null, heapMb: start.heapMb }, kind);
    return new ProcessEngine(child, limits, events);
  }

  readonly #limits: WeakMap<ToStage, number>;

  private constructor(child: StageChild, limits: WeakMap<ToStage, number>, events: EngineEvents<Request>) {
    this.#child = child;
    this.#limits = limits;
    this.#events = events;
    void child.ended.then(() => this.#onEnd());
  }

  get worker(): string {
    return processWorker(this.#child.pid);
  }

  ask(request: Request): void {
    const { message, limitMs, cancellable } = request;
    this.#waiting.push(request);
    if (limitMs !== null) this.#limits.set(message, limitMs);
    this.#child.ask(message, cancellable).then(
      (answer) => this.#answered(answer as RunReplies),
      (death: Death) => {
        this.#death ??= death;
      },
    );
  }

  async report(): Promise<Usage> {
    const { member, engine } = (await this.#child.ask({ kind: 'report' })) as Extract<
      StageAnswer,
      { kind: 'report' }
    >;
    return { member, engine };
  }

  cancel(index: number): void {
    this.#child.cancel(index);
  }

  kill(): void {
    this.#killed = true;
    this.#child.kill();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#child.close();
  }

  #answered(answer: RunReplies): void {
    if (this.#death !== null) return; // an earlier answer could not be read, and the child is being killed
    let replies: RunReplies;
    try {
      replies = this.#child.withResults(answer);
    } catch (cause) {
      this.#death = cause as Death;
      return;
    }
    const request = this.#waiting.shift() as Request;
    this.#events.answered(request, replies);
  }

  #onEnd(): void {
    if (this.#closing) return;
    const death = this.#death;
    const [oldest] = this.#waiting;
    const isWatched = oldest?.message.isWatched === true;
    this.#events.ended(
      {
        cause: death ?? this.#child.idleEnd ?? new WorkerEnded('worker process has ended'),
        killedFor: death?.cancelled ? 'cancelled' : death?.timedOut ? 'time' : this.#killed ? 'close' : null,
        callsEnded: 0,
        isRunning: isWatched ? death?.began === true : null,
      },
      this.#waiting.splice(0),
    );
  }
}
