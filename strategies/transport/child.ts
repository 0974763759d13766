import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, FromChild, Start, ToChild } from './protocol.js';
import type { Reaper } from './reaper.js';

/** The child ended, or could not be reached, before it answered. */
export class Death extends Error {
  /** Whether it had said that it began with what was asked. */
  readonly began: boolean;

  constructor(message: string, began: boolean) {
    super(message);
    this.began = began;
  }
}

export interface StartOptions extends Start {
  /** The module it runs. */
  readonly entry: URL;
  readonly reaper: Reaper;
}

interface Request {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: Death) => void;
  began: boolean;
}

/**
 * What a document's buffer was is used for the next one. By default the C library gives memory of this size back to the
 * system each time, and every page of the next buffer is faulted in anew: 500 KB took a fifth longer. It raises these limits by
 * itself when it has seen larger ones freed; other C libraries than glibc do not read them.
 */
const allocator = { MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20), MALLOC_TRIM_THRESHOLD_: String(64 * 2 ** 20) };

/** How long a channel may stay open when its process has exited: a process the task has started may have it too. */
const channelGraceMs = 1000;

/** One worker process, from its start to its end: `protocol.ts`, the parent's side. */
export class Child {
  readonly #process: ChildProcess;
  readonly #waiting: Request[] = [];
  #death: string | null = null;
  #leaving = false;
  /** Resolves when the process has exited and everything it said has been read. */
  readonly ended: Promise<void>;

  /** Resolves when the child has loaded its workload; rejects with the reason it could not, and then it has ended. */
  static async start(options: StartOptions): Promise<Child> {
    const child = new Child(options);
    const answer = await child.#first;
    if (answer === null) await child.ended;
    if (child.#failure !== null) throw child.#failure;
    if (child.#death !== null) throw new Error(`${child.#death} before it was ready`);
    return child;
  }

  readonly #first: Promise<'ready' | null>;
  #failure: Error | null = null;

  private constructor({ entry, reaper, workload, fd }: StartOptions) {
    const start: Start = { workload, fd: fd === null ? null : 4 };
    const child = fork(entry, [JSON.stringify(start)], {
      env: { ...allocator, ...process.env },
      serialization: 'advanced', // JSON would turn bytes into an object of numbers
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(fd === null ? [] : [fd])],
    });
    this.#process = child;
    const { pid } = child;
    if (pid !== undefined) reaper.add(pid);
    let first: (word: 'ready' | null) => void = () => {};
    this.#first = new Promise((resolve) => {
      first = resolve;
    });
    child.on('message', (message: FromChild) => {
      if (message.kind === 'ready') first('ready');
      else if (message.kind === 'failed') {
        this.#leaving = true;
        this.#failure = Object.assign(new Error(message.error.message), message.error);
        first(null);
      } else if (message.kind === 'began') (this.#waiting[0] as Request).began = true;
      else (this.#waiting.shift() as Request).resolve(message);
    });
    this.ended = endOf(child, () => this.#leaving).then((death) => {
      if (pid !== undefined) reaper.remove(pid);
      this.#death = death;
      first(null);
      for (const { reject, began } of this.#waiting.splice(0)) reject(new Death(death, began));
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** @throws Death */
  ask(message: ToChild): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#death !== null) return reject(new Death(this.#death, false));
      this.#waiting.push({ resolve, reject, began: false });
      this.#process.send(message, ignore); // a cut channel ends the child, and that is told to all who wait
    });
  }

  close(): Promise<void> {
    this.#leaving = true;
    if (this.#process.connected) this.#process.send({ kind: 'close' } satisfies ToChild, ignore);
    return this.ended;
  }
}

const ignore = () => {};

/** Resolves with how the process ended, when its channel is read to the end too. One whose channel is cut is killed. */
function endOf(child: ChildProcess, leaving: () => boolean): Promise<string> {
  return new Promise((resolve) => {
    let death: string | null = null;
    child.on('disconnect', () => {
      if (death !== null) resolve(death);
      else if (!leaving()) child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      death = `worker process ended with ${signal ?? `exit code ${code}`}`;
      if (!child.connected) return resolve(death);
      setTimeout(() => child.connected && child.disconnect(), channelGraceMs).unref();
    });
    child.on('error', (cause) => {
      if (child.pid === undefined) resolve(`worker process could not be started: ${cause.message}`);
    });
  });
}
