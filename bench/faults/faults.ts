import { type Isolation, isolates, type StrategyTraits } from '../../strategies/strategy.js';

/** Something that goes wrong in one document's task, with one worker, or around them. */
export interface Fault {
  readonly name: string;
  readonly about: string;
  /** What does it: the task of a document, a signal from outside to a worker process, a disk without room, a module that does not load. */
  readonly by: 'task' | 'SIGKILL' | 'SIGSTOP' | 'disk' | 'module';
  /** The least isolation that can keep the caller alive. */
  readonly needs: Isolation;
  /** How the document ends where the caller lives. */
  readonly ends: readonly ('ok' | 'failed' | 'timed-out' | 'crashed')[];
}

/** The list of faults, in the order of the table. */
export const faults: readonly Fault[] = [
  { name: 'throw', about: 'the task throws', by: 'task', needs: 'none', ends: ['failed'] },
  { name: 'reject', about: 'its promise rejects', by: 'task', needs: 'none', ends: ['failed'] },
  {
    name: 'result-not-cloneable',
    about: 'it returns what no other thread can have',
    by: 'task',
    needs: 'none',
    ends: ['failed'],
  },
  {
    name: 'never-settles',
    about: 'its promise never settles',
    by: 'task',
    needs: 'none',
    ends: ['timed-out'],
  },
  { name: 'endless-loop', about: 'it computes for ever', by: 'task', needs: 'thread', ends: ['timed-out'] },
  {
    name: 'redos',
    about: 'a regular expression backtracks for ever',
    by: 'task',
    needs: 'thread',
    ends: ['timed-out'],
  },
  { name: 'exit', about: 'it calls process.exit', by: 'task', needs: 'thread', ends: ['crashed'] },
  {
    name: 'abort',
    about: 'it calls process.abort, as a crash of native code would',
    by: 'task',
    needs: 'process',
    ends: ['crashed'],
  },
  {
    name: 'heap-array',
    about: 'an array grows until the heap is full; in a thread V8 may abort the whole process',
    by: 'task',
    needs: 'process',
    ends: ['crashed', 'timed-out'],
  },
  {
    name: 'heap-buffers',
    about: 'buffers grow without end',
    by: 'task',
    needs: 'process',
    ends: ['crashed', 'timed-out'],
  },
  {
    name: 'killed-from-outside',
    about: 'a worker process gets SIGKILL',
    by: 'SIGKILL',
    needs: 'process',
    ends: ['ok'],
  },
  {
    name: 'stopped-from-outside',
    about: 'a worker process gets SIGSTOP',
    by: 'SIGSTOP',
    needs: 'process',
    ends: ['ok', 'timed-out'],
  },
  {
    name: 'disk-full',
    about: 'the file that documents travel in has no room left',
    by: 'disk',
    needs: 'process',
    ends: ['ok'],
  },
  { name: 'module-fails', about: 'the task module does not load', by: 'module', needs: 'none', ends: [] },
];

/** Limits under which all of them are run: nothing fills the machine. */
export const limits = { timeoutMs: 1000, heapMb: 64, memoryMb: 160 };

/** Whether the strategy can have the fault at all: signals and full disks meet processes and files. */
export function applies(
  { by }: Fault,
  { name, isolation }: Pick<StrategyTraits, 'name' | 'isolation'>,
): boolean {
  if (by === 'SIGKILL' || by === 'SIGSTOP') return isolation === 'process';
  return by !== 'disk' || name === 'queue';
}

/** Whether the strategy's isolation can keep the caller alive. */
export function survivable({ needs }: Fault, { isolation }: Pick<StrategyTraits, 'isolation'>): boolean {
  return isolates(isolation, needs);
}
