import { getHeapStatistics } from 'node:v8';
import { WorkerEnded } from '../session/task-error.js';
import { memoryBytes, usableShare } from './memory-share.js';

/** Most tasks do not load with less than this. */
const minMb = 64;

/**
 * Returns the limit of a worker's heap, MB, so that all of them together stay within the memory that the
 * process may use. It is never more than Node would allow by itself. Buffers are outside any heap, and no
 * such limit counts them.
 */
export function heapLimitMb(workers: number): number {
  const ownMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  return Math.max(minMb, Math.floor(Math.min(ownMb, (usableShare * memoryBytes()) / 2 ** 20 / workers)));
}

/** Returns the limit of a worker process's memory, MB, which includes heap and buffers. */
export function memoryLimitMb(workers: number): number {
  return Math.max(minMb, Math.floor((usableShare * memoryBytes()) / 2 ** 20 / workers));
}

/** A limit of a worker's memory, with the words for the message of a worker that has reached it. */
export interface MemoryLimit {
  readonly mb: number;
  /** This has set it. */
  readonly from: string;
  readonly remedy: string;
}

/** Returns the limit of a worker's heap. @param heapMb the caller's own choice; absent: the worker's share */
export function heapLimit(workers: number, heapMb?: number): MemoryLimit {
  if (heapMb !== undefined) return { mb: heapMb, from: 'which heapMb sets', remedy: 'raise heapMb' };
  const mb = heapLimitMb(workers);
  return mb < memoryLimitMb(workers)
    ? { mb, from: 'the heap limit of the calling process', remedy: 'set heapMb' }
    : { mb, from: share, remedy: 'use fewer workers, or set heapMb' };
}

/** Returns the limit of a worker thread's heap, which a flag of the caller overrides. */
export function threadHeapLimit(workers: number, heapMb?: number): MemoryLimit {
  const flag = overridingFlag();
  const [, mb] = /=(\d+)$/.exec(flag ?? '') ?? [];
  return mb === undefined
    ? heapLimit(workers, heapMb)
    : { mb: Number(mb), from: `which the caller's flag ${flag} sets`, remedy: 'raise it there' };
}

/** Returns the limit of a worker process's memory. @param memoryMb as in `heapLimit` */
export function processLimit(workers: number, memoryMb?: number): MemoryLimit {
  return memoryMb === undefined
    ? { mb: memoryLimitMb(workers), from: share, remedy: 'use fewer workers, or set memoryMb' }
    : { mb: memoryMb, from: 'which memoryMb sets', remedy: 'raise memoryMb' };
}

const share = `its share of ${100 * usableShare} % of the memory`;

/** Node's own error has this code when the heap of a thread is full. */
export const outOfMemoryCode = 'ERR_WORKER_OUT_OF_MEMORY';

/** Says which limit a worker has reached, where it came from, and what to do. */
export function limitReached(part: 'heap' | 'memory', { mb, from, remedy }: MemoryLimit): string {
  const reached = `the worker's ${part} reached its limit of ${mb} MB, ${from}`;
  return `${reached}: ${remedy}, or let the task hold less at a time`;
}

/** Returns the error of a worker thread that has ended: one that names the limit when its heap was full. */
export function threadEnd(cause: unknown, heap: MemoryLimit): unknown {
  if ((cause as { code?: unknown } | null)?.code !== outOfMemoryCode) return cause;
  return new WorkerEnded(limitReached('heap', heap), { outOfMemory: true });
}

/** Warns of V8's own flag, which overrides the limit of every thread silently. */
export function warnOfOverridingFlag(): void {
  const flag = overridingFlag();
  if (flag !== undefined)
    process.emitWarning(
      `${flag} overrides the heap limit of every worker thread; ` +
        'remove the flag, or use a strategy with processes',
    );
}

function overridingFlag(): string | undefined {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  return flags.find(isHeapFlag);
}

/** Tells whether a flag limits the heap. V8 then ignores the limits of threads. */
export function isHeapFlag(flag: string): boolean {
  return /^--max[-_]old[-_]space[-_]size/.test(flag);
}
