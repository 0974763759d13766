import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** The rest is for buffers, code and the caller. */
const heapShare = 0.8;
/** Less than this and most tasks do not load. */
const leastMb = 64;

/**
 * What a worker's heap may grow to, MB, so that all of them together stay within the memory that the process may use; never
 * more than Node would give it by itself. Buffers are outside any heap, and no such limit counts them.
 */
export function heapLimitMb(workers: number): number {
  const ownMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  return Math.max(leastMb, Math.floor(Math.min(ownMb, (heapShare * memoryBytes()) / 2 ** 20 / workers)));
}

/** What a worker process may grow to, MB, heap and buffers and all. */
export function memoryLimitMb(workers: number): number {
  return Math.max(leastMb, Math.floor((heapShare * memoryBytes()) / 2 ** 20 / workers));
}

function memoryBytes(): number {
  const constrained = process.constrainedMemory?.() ?? 0; // 0, or more than there is, where nothing constrains it
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** V8's own flag overrides the limit of every thread without a word: whoever gave it to the caller must know. */
export function warnOfOverridingFlag(): void {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  const flag = flags.find((flag) => /^--max[-_]old[-_]space[-_]size/.test(flag));
  if (flag !== undefined)
    process.emitWarning(
      `${flag} overrides the heap limit of every worker thread; give it to none, or use processes`,
    );
}
