import childProcess, { type ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import workerThreads from 'node:worker_threads';

/** Threads and processes that a task has started. */
export interface Nested {
  /** This many were alive at the same time. */
  readonly threads: number;
  readonly processes: number;
  /** This many were still alive when the last document was done: a pool, and no tool for one document. */
  readonly left: number;
}

export interface NestedWatch {
  readonly nested: Nested;
  end(): void;
}

type Start = (...args: unknown[]) => ChildProcess;
const starts = ['spawn', 'fork', 'exec', 'execFile'] as const;

/** Counts what the task starts, until `end`. It is called before the task is loaded. */
export function watchNested(): NestedWatch {
  const threads = new Alive();
  const processes = new Alive();
  const { Worker } = workerThreads;
  workerThreads.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      threads.add(this);
      this.once('exit', () => threads.delete(this));
    }
  };
  const methods = childProcess as unknown as Record<(typeof starts)[number], Start>;
  const originals = starts.map((name) => [name, methods[name]] as const);
  const seen = (child: ChildProcess) => {
    processes.add(child); // `exec` calls `execFile`, and both return the same child
    child.once('exit', () => processes.delete(child)).once('error', () => processes.delete(child));
    return child;
  };
  for (const [name, original] of originals) methods[name] = watched(original, seen);
  syncBuiltinESMExports(); // so that modules that imported them by name see the change
  return {
    get nested() {
      return { threads: threads.max, processes: processes.max, left: threads.now + processes.now };
    },
    end() {
      workerThreads.Worker = Worker;
      for (const [name, original] of originals) methods[name] = original;
      syncBuiltinESMExports();
    },
  };
}

/** The same function, with its promise where Node gives one that has the child. */
function watched(original: Start, seen: (child: ChildProcess) => ChildProcess): Start {
  const start: Start = (...args) => seen(original(...args));
  const { custom } = promisify;
  const inPromise = (original as unknown as { readonly [custom]?: (...args: unknown[]) => Promised })[custom];
  if (inPromise !== undefined)
    Object.defineProperty(start, custom, {
      value: (...args: unknown[]) => {
        const promise = inPromise(...args);
        seen(promise.child);
        return promise;
      },
    });
  return start;
}

type Promised = Promise<unknown> & { readonly child: ChildProcess };

class Alive {
  max = 0;
  readonly #all = new Set<object>();

  get now(): number {
    return this.#all.size;
  }

  add(one: object): void {
    this.#all.add(one);
    this.max = Math.max(this.max, this.#all.size);
  }

  delete(one: object): void {
    this.#all.delete(one);
  }
}
