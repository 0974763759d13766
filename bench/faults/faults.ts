import { createServer } from 'node:net';
import { type Isolation, isolates, type Outcome, type StrategyTraits } from '../../strategies/strategy.js';

/** Something that goes wrong in one document's task, with one worker, or around them. */
export type Fault = Trigger & {
  readonly name: string;
  readonly about: string;
  /** The weakest isolation that can keep the caller alive. */
  readonly needs: Isolation;
  /** The outcomes that the document may have if the caller lives. */
  readonly ends: readonly Outcome['status'][];
};

/** A fault happens in one of these ways. */
type Trigger =
  /**
   * The task of one document does this. It gets the result of a healthy document, which it may return
   * all the same.
   */
  | { readonly by: 'task'; readonly run: (result: number) => unknown }
  /** Every process in the caller's group gets SIGINT, as from Ctrl-C in a terminal. The caller goes on. */
  | { readonly by: 'ctrl-c' }
  /** A worker process gets a signal from outside. */
  | { readonly by: 'signal'; readonly signal: 'SIGKILL' | 'SIGSTOP' }
  /** The disk has no room left for the file that documents travel in. */
  | { readonly by: 'disk' }
  /** The task module at this URL does not load, and its error has this message. */
  | { readonly by: 'module'; readonly url: string; readonly says: string };

/** The list of faults, in the order of the table. To add one, add an entry: nothing else has to change. */
export const faults: readonly Fault[] = [
  {
    name: 'throw',
    about: 'the task throws',
    needs: 'none',
    ends: ['failed'],
    by: 'task',
    run() {
      throw new TypeError('bad input');
    },
  },
  {
    name: 'reject',
    about: 'its promise rejects',
    needs: 'none',
    ends: ['failed'],
    by: 'task',
    run: () => Promise.reject(new RangeError('came later')),
  },
  {
    name: 'result-not-cloneable',
    about: 'it returns a value that cannot be sent to another thread',
    needs: 'none',
    ends: ['failed'],
    by: 'task',
    run: () => ({ parse: { again: () => 1 } }),
  },
  {
    name: 'never-settles',
    about: 'its promise never settles',
    needs: 'none',
    ends: ['timed-out'],
    by: 'task',
    run: () => new Promise(() => {}),
  },
  {
    name: 'open-handle',
    about: 'it leaves a timer and a server open, which would keep its worker alive',
    needs: 'none',
    ends: ['ok'],
    by: 'task',
    run(result) {
      setInterval(() => {}, 1e6);
      createServer().listen(0);
      return result;
    },
  },
  {
    name: 'unhandled-rejection',
    about: 'it returns its result, and a promise that it has not awaited rejects',
    needs: 'thread',
    ends: ['ok', 'crashed'],
    by: 'task',
    run(result) {
      void Promise.reject(new Error('not awaited'));
      return result;
    },
  },
  {
    name: 'endless-loop',
    about: 'it computes for ever',
    needs: 'thread',
    ends: ['timed-out'],
    by: 'task',
    run() {
      for (;;);
    },
  },
  {
    name: 'redos',
    about: 'a regular expression backtracks for ever',
    needs: 'thread',
    ends: ['timed-out'],
    by: 'task',
    run: () => /^(a+)+$/.test(`${'a'.repeat(60)}!`),
  },
  {
    name: 'exit',
    about: 'it calls process.exit',
    needs: 'thread',
    ends: ['crashed'],
    by: 'task',
    run: () => process.exit(3),
  },
  {
    name: 'abort',
    about: 'it ends its process with SIGABRT, as a crash of native code would',
    needs: 'process',
    ends: ['crashed'],
    by: 'task',
    run() {
      process.kill(process.pid, 'SIGABRT'); // process.abort() is not available in threads
      for (;;);
    },
  },
  {
    name: 'heap-array',
    about: 'an array grows until the heap is full; in a thread V8 may abort the whole process',
    needs: 'process',
    ends: ['crashed', 'timed-out'],
    by: 'task',
    run() {
      const grown: number[][] = [];
      for (;;) grown.push(new Array<number>(10_000).fill(grown.length));
    },
  },
  {
    name: 'heap-buffers',
    about: 'buffers grow without end',
    needs: 'process',
    ends: ['crashed', 'timed-out'],
    by: 'task',
    run() {
      const grown: Buffer[] = [];
      for (;;) {
        // Half a megabyte per millisecond is slow enough for a watch that looks a few times per second.
        grown.push(Buffer.alloc(2 ** 19, 1));
        const untilMs = performance.now() + 1;
        while (performance.now() < untilMs);
      }
    },
  },
  {
    name: 'killed-from-outside',
    about: 'a worker process gets SIGKILL',
    needs: 'process',
    ends: ['ok'],
    by: 'signal',
    signal: 'SIGKILL',
  },
  {
    name: 'stopped-from-outside',
    about: 'a worker process gets SIGSTOP',
    needs: 'process',
    ends: ['ok', 'timed-out'],
    by: 'signal',
    signal: 'SIGSTOP',
  },
  {
    name: 'ctrl-c',
    about: 'the caller and all processes of its group get SIGINT, and the caller goes on',
    needs: 'none',
    ends: [],
    by: 'ctrl-c',
  },
  {
    name: 'disk-full',
    about: 'the file that documents travel in has no room left',
    needs: 'process',
    ends: ['ok'],
    by: 'disk',
  },
  {
    name: 'module-fails',
    about: 'the task module does not load',
    needs: 'none',
    ends: [],
    by: 'module',
    url: new URL('./broken-task.js', import.meta.url).href,
    says: 'no such model',
  },
];

/** @throws Error if the list has no such fault */
export function faultNamed(name: string): Fault {
  const fault = faults.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`expected the name of a fault, got "${name}"`);
  return fault;
}

/** All faults run under these limits, so that nothing fills the machine. */
export const limits = { timeoutMs: 1000, heapMb: 64, memoryMb: 160 };

/**
 * Tells whether the strategy can have the fault at all: a signal needs a worker process, a full disk a
 * file.
 */
export function applies(
  { by }: Fault,
  { isolation, travelsInFile }: Pick<StrategyTraits, 'isolation' | 'travelsInFile'>,
): boolean {
  if (by === 'signal') return isolates(isolation, 'process');
  return by !== 'disk' || travelsInFile.length > 0;
}

/** Tells whether the strategy's isolation can keep the caller alive. */
export function survivable({ needs }: Fault, { isolation }: Pick<StrategyTraits, 'isolation'>): boolean {
  return isolates(isolation, needs);
}
