import { mean, median } from '../stats/estimate.js';

/**
 * How long does a task take to warm up? Until an engine has compiled what a task needs, documents cost a
 * multiple of what they cost later. A function of a few lines is compiled after a tenth of a second of work,
 * a parser of a large language after half a second. The oracle therefore runs documents until they no longer
 * become cheaper, and trials warm up for as long as that has taken, with several engines in mind.
 */

/** The costs of documents that ran one after the other, in the order in which they ran. */
export interface Pass {
  readonly indices: readonly number[];
  readonly costsMs: readonly number[];
}

/** A pass over all documents, in their order. */
export function wholePass(costsMs: readonly number[]): Pass {
  return { indices: costsMs.map((_, index) => index), costsMs };
}

/**
 * An engine among others needs this factor of what one needs alone, because all of them compile on the same
 * cores, and what waits for the compiler runs slowly meanwhile. A task that parses TypeScript was warm after
 * 0.6 to 1 s alone. Two workers on two cores had 0.63 times the rate of `sequential` after a warm-up of
 * 0.4 s each, 1.11 times after 1 s, 1.23 times after 2 s and 1.57 times after 4 s. In other trials they had
 * 1,343 documents/s after 2.6 s, 1,347 after 4 s and 1,424 after 8 s. A task that renders Markdown with the
 * package `marked` had 0.87 times the rate after 0.4 s, 1.47 times after 1 s and 1.73 times after 2.8 s.
 */
const amongOthers = 4;
/** Documents are compared in parts of this much work, ms, because single ones scatter. */
const partMs = 100;
/** There are at least this many parts, however little work there is. */
const minParts = 10;
/** The median of this many parts counts, so that a disturbed part does not. */
const partsTogether = 3;
/** Documents of warm code take at most this factor of what they take at the end. */
const warmFactor = 1.15;
/** Passes are repeated while the latest one has cost less than the one before by more than this factor. */
const cheaperFactor = 1.1;
/** A shorter pass says little: code gets warm over more than one. It has its documents several times, ms. */
const minPassMs = 500;
const maxTimes = 100;
/** Passes over documents that ran first take at most this long when these run again, ms. */
const beginMs = 1500;

/**
 * Returns how much work, at the cost of warm code, an engine needs until it is warm, ms; 0 if it is warm
 * within a tenth of a second.
 * @param passes in the order in which one process ran them
 */
export function warmingMs(passes: readonly Pass[]): number {
  const parts = partsOf(passes);
  const middle = (from: number) =>
    median(parts.slice(from, from + partsTogether).map(({ factor }) => factor)) ?? Number.POSITIVE_INFINITY;
  const atEnd = middle(Math.max(0, parts.length - partsTogether));
  const warmFrom = parts.findIndex((_, from) => middle(from) <= warmFactor * atEnd);
  const [last, next] = [parts[warmFrom - 1], parts[warmFrom]];
  // Documents between the two may have run once, and it is not known when in between the code was warm.
  return last === undefined || next === undefined ? 0 : Math.min(next.startMs, 2 * last.endMs);
}

/** Some documents that ran one after the other. */
interface Part {
  /** What they cost ÷ the least that they cost in any pass. */
  readonly factor: number;
  /** Work before and up to the end of the part, at the cost of warm code, ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Divides what ran into parts. Documents that ran once are in none: nothing is known of their warm cost. */
function partsOf(passes: readonly Pass[]): Part[] {
  const least = warmCosts(passes);
  const runs = new Map<number, number>();
  for (const { indices } of passes) for (const index of indices) runs.set(index, (runs.get(index) ?? 0) + 1);
  const comparedMs = [...runs].reduce(
    (sum, [i, count]) => sum + (count > 1 ? count * (least.get(i) ?? 0) : 0),
    0,
  );
  const fullMs = Math.min(partMs, comparedMs / minParts);
  const parts: Part[] = [];
  let [atMs, startMs, costMs, workMs] = [0, 0, 0, 0];
  for (const { indices, costsMs } of passes)
    for (const [i, index] of indices.entries()) {
      const [ms, warmMs] = [costsMs[i] ?? 0, least.get(index) ?? 0];
      if (runs.get(index) === 1) {
        atMs += ms / (parts.at(-1)?.factor ?? 1);
        continue;
      }
      if (workMs === 0) startMs = atMs;
      costMs += ms;
      workMs += warmMs;
      atMs += warmMs;
      if (workMs === 0 || workMs < fullMs) continue;
      parts.push({ factor: costMs / workMs, startMs, endMs: atMs });
      [costMs, workMs] = [0, 0];
    }
  return parts;
}

/** The least cost of each document: everything that disturbs a document makes it slower. */
export function warmCosts(passes: readonly Pass[]): Map<number, number> {
  const least = new Map<number, number>();
  for (const { indices, costsMs } of passes)
    for (const [i, index] of indices.entries())
      least.set(index, Math.min(least.get(index) ?? Number.POSITIVE_INFINITY, costsMs[i] ?? 0));
  return least;
}

/** A task that needs less than this is not slow to warm up, and has the usual warm-up, ms. */
const slowMs = 800;

/**
 * Returns the warm-up that each engine of a trial needs, as work at the cost of warm code, ms; 0 if the usual
 * one is about enough.
 */
export function neededWarmupMs(passes: readonly Pass[]): number {
  const neededMs = amongOthers * warmingMs(passes);
  return neededMs < slowMs ? 0 : neededMs;
}

/**
 * Runs documents again in the process that has run them, until they no longer become cheaper.
 * @param passes the first one over all documents, the second one over some of them
 * @param run runs documents by their indices, and returns their costs
 * @param maxMs no further pass begins after this long
 * @returns all passes
 */
export async function runUntilWarm(
  passes: readonly [Pass, Pass],
  run: (indices: readonly number[]) => Promise<readonly number[]>,
  maxMs: number,
): Promise<readonly Pass[]> {
  const [first, second] = passes;
  const all: Pass[] = [...passes];
  const untilMs = performance.now() + maxMs;
  const runPass = async (indices: readonly number[]) => {
    all.push({ indices, costsMs: await run(indices) });
  };
  const distinct = new Set(second.indices);
  const again = [...distinct];
  const others = firstDocuments(first).filter((index) => !distinct.has(index));
  if (others.length > 0) await runPass(others);
  /** What one document costs on average, by the latest pass over these. */
  let latestMs = mean(second.costsMs);
  const isShort = total(second.costsMs) < minPassMs;
  let beforeMs = isShort ? Number.POSITIVE_INFINITY : mean(again.map((index) => first.costsMs[index] ?? 0));
  while (beforeMs > cheaperFactor * latestMs && performance.now() < untilMs) {
    const times = Math.ceil(minPassMs / Math.max(again.length * latestMs, minPassMs / maxTimes));
    await runPass(Array.from({ length: times }, () => again).flat());
    beforeMs = latestMs;
    latestMs = mean(all.at(-1)?.costsMs ?? []);
  }
  return all;
}

/** The documents that ran last, as far as they took no longer than this; at least one. */
export function lastDocuments({ indices, costsMs }: Pass, maxMs: number): number[] {
  let from = costsMs.length - 1;
  let ms = costsMs[from] ?? 0;
  while (from > 0 && ms + (costsMs[from - 1] ?? 0) <= maxMs) {
    from--;
    ms += costsMs[from] ?? 0;
  }
  return indices.slice(Math.max(0, from));
}

/** The documents that ran first, as far as they took no longer than `beginMs`. */
function firstDocuments({ indices, costsMs }: Pass): number[] {
  let ms = 0;
  const after = costsMs.findIndex((cost) => {
    ms += cost;
    return ms > beginMs;
  });
  return indices.slice(0, after < 0 ? indices.length : after);
}

function total(costsMs: readonly number[]): number {
  return costsMs.reduce((sum, ms) => sum + ms, 0);
}
