import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** The workers get this share of the memory; the rest is for buffers, code and the caller. */
const heapShare = 0.8;
/** Most tasks do not load with less than this. */
const minMb = 64;

/**
 * Returns the limit of a worker's heap, MB, so that all of them together stay within the memory that the
 * process may use. It is never more than Node would allow by itself. Buffers are outside any heap, and no
 * such limit counts them.
 */
export function heapLimitMb(workers: number): number {
  const ownMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  return Math.max(minMb, Math.floor(Math.min(ownMb, (heapShare * memoryBytes()) / 2 ** 20 / workers)));
}

/** Returns the limit of a worker process's memory, MB, which includes heap and buffers. */
export function memoryLimitMb(workers: number): number {
  return Math.max(minMb, Math.floor((heapShare * memoryBytes()) / 2 ** 20 / workers));
}

function memoryBytes(): number {
  // 0, or more than there is, where nothing constrains it.
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Warns of V8's own flag, which overrides the limit of every thread silently. */
export function warnOfOverridingFlag(): void {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  const flag = flags.find((flag) => /^--max[-_]old[-_]space[-_]size/.test(flag));
  if (flag !== undefined)
    process.emitWarning(
      `${flag} overrides the heap limit of every worker thread; ` +
        'remove the flag, or use a strategy with processes',
    );
}
