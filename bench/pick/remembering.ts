/**
 * Does a task remember earlier results? Trials run the same documents again and again, so a task with a
 * cache would be measured at the speed of looking results up.
 *
 * A second run is also faster because the code has been compiled meanwhile. To tell the two apart, a fresh
 * process warms the code up with some documents, then runs others for the first time, and then once more:
 * if compiling were the reason, both runs of the others would take about as long.
 */

/** A task may remember if a second run costs less than this share of the first. */
const suspicious = 1 / 3;
/**
 * After the code is warm, a second run must cost less than this share of the first to count as remembered.
 */
const remembered = 1 / 4;
/** Work that warms the code up, as far as running the same documents again takes it, milliseconds. */
const warmupMs = 300;
/** Documents that warm the code up cost no more than this when they run for the first time, milliseconds. */
const maxFirstMs = 1000;
const maxCycles = 200;
/** The test needs some documents to warm the code up with, and others to compare. */
const minDocuments = 4;

/** The costs of documents that ran twice in one process; `second` is null for a document that ran once. */
export interface TwoRuns {
  readonly first: readonly number[];
  readonly second: readonly (number | null)[];
}

/**
 * The indices to run in a fresh process, and how many of the last ones are the first and the second run of
 * the others.
 */
export interface MemoryTest {
  readonly indices: readonly number[];
  readonly others: number;
}

/** @returns the test to run; null if the second run shows that nothing is remembered */
export function memoryTest({ first, second }: TwoRuns): MemoryTest | null {
  if (first.length < minDocuments) return null;
  const quarter = Math.floor(first.length / 4);
  const others = indicesFrom(first.length - quarter, first.length).filter((i) => second[i] !== null);
  if (others.length === 0 || total(second, others) >= suspicious * total(first, others)) return null;
  const warming: number[] = [];
  for (let i = 0, ms = 0; i < first.length - quarter; i++) {
    ms += first[i] as number;
    if (ms > maxFirstMs && warming.length > 0) break;
    warming.push(i);
  }
  const cycleMs = total(second, warming) || total(first, warming);
  const cycles = Math.min(maxCycles, Math.ceil(warmupMs / Math.max(cycleMs, 1e-3)) + 1);
  const warmup = Array.from({ length: warming.length === 0 ? 0 : cycles }, () => warming).flat();
  return { indices: [...warmup, ...others, ...others], others: others.length };
}

/** @param costsMs what each document of the test cost, in its order */
export function isRemembered({ others }: MemoryTest, costsMs: readonly number[]): boolean {
  const [first, again] = [costsMs.slice(-2 * others, -others), costsMs.slice(-others)];
  const sum = (values: readonly number[]) => values.reduce((all, ms) => all + ms, 0);
  return sum(again) < remembered * sum(first);
}

function indicesFrom(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function total(costs: readonly (number | null)[], indices: readonly number[]): number {
  return indices.reduce((sum, i) => sum + (costs[i] ?? 0), 0);
}
