import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { measuredRunId } from '../../../services/task-services.js';
import type { Strategy } from '../../../strategies/strategy.js';
import { now } from '../../../strategies/worker/clock.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type CorpusFile, readCorpus } from '../../trials/corpus-file.js';
import { copyOf } from '../../trials/supply.js';
import { size } from '../../words/units.js';
import { type Check, fine, found, type Probes, type Row } from '../finding.js';
import { inFreshProcess, type Lab } from '../lab.js';
import { calls } from '../words.js';

/** Memory grows if it grows by more than this per document, bytes … */
const minSlope = 32 * 1024;
/** … and if the slope is more than this many standard errors. */
const minErrors = 3;
const runs = 300;
/** Memory is looked at after this many runs … */
const every = 10;
/** … or after about this time: a slow task has few runs, and a line needs several points. */
const lookMs = 100;
/** Slow tasks get fewer runs: they may take this time, and as long again for collecting garbage. */
const maxMs = 3_000;
/** A task that has grown by this much is known to grow. */
const maxGrowth = 250_000_000;
/** A line through fewer points says little … */
const minPoints = 6;
/** … and so do fewer runs: code is still being compiled. */
const minRuns = 30;

const row: Row = {
  id: 'grows',
  level: 'warning',
  when:
    'over 300 runs, heap and buffers after garbage collection grow by more than 32 KB per document, ' +
    'and by more than 3 standard errors',
  remedy:
    'look for lists, maps, caches and listeners outside the task function that are never emptied; ' +
    'until then limit the workers’ memory and let them be replaced',
};

/** Runs completed, and bytes of heap and buffers after garbage collection. */
type Point = readonly [runs: number, bytes: number];

export default {
  rows: [row],
  async measure({ timeoutMs }: Pick<Probes, 'timeoutMs'>, lab: Lab) {
    const { task: workload, corpus, inTime, strategies } = lab;
    if (inTime.length === 0) return [];
    const request: GrowthRequest = { workload, strategy: strategies.baseline, corpus, inTime };
    const points = await inFreshProcess<Point[]>(
      lab,
      { module: import.meta.url, request },
      30_000 + timeoutMs,
    ).catch(() => []);
    return findingsOf(points);
  },
} satisfies Check;

/** Leaves out the first third of the points: code is compiled there, and bounded caches are filled. */
export function findingsOf(points: readonly Point[]) {
  const later = points.slice(Math.floor(points.length / 3));
  const count = points.at(-1)?.[0] ?? 0;
  if (later.length < minPoints || count < minRuns) return [];
  const { slope, error } = line(later);
  const { slope: last } = line(later.slice(Math.floor(later.length / 2)));
  // A single step, where something is loaded late, is no growth: the last points must rise as well.
  if (slope <= minSlope || slope <= minErrors * error || last <= minSlope / 2)
    return [fine('grows', `memory does not grow over ${calls(count)}`)];
  const [firstCount, firstBytes] = points[0] as Point;
  const grown = (points.at(-1) as Point)[1] - firstBytes;
  const over = calls(count - firstCount);
  return [
    found(row, `memory grows by ${size(slope)} per document once warm; ${size(grown)} in all over ${over}`),
  ];
}

/** This function fits a line by least squares. @returns its slope, with the standard error */
function line(points: readonly Point[]): { readonly slope: number; readonly error: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(residual / Math.max(1, points.length - 2) / squares) };
}

interface GrowthRequest {
  readonly workload: WorkloadRef;
  readonly strategy: string;
  readonly corpus: CorpusFile;
  readonly inTime: readonly number[];
}

/** Runs the documents again and again in this process, and looks at its memory in between. */
export async function trial({ workload, strategy, corpus, inTime }: GrowthRequest): Promise<Point[]> {
  const { default: baseline } = (await import(strategy)) as { default: Strategy };
  const all = readCorpus(corpus);
  const documents = inTime.map((index) => all[index] as Document);
  const session = await baseline.open(workload, {
    workers: 1,
    runId: measuredRunId,
    delivery: baseline.deliveries[0],
  });
  const collect = collector();
  const untilMs = now() + 2 * maxMs;
  const points: Point[] = [];
  let done = 0;
  let taskMs = 0;
  for (let count = 1; done < runs && taskMs < maxMs && now() < untilMs; ) {
    const next = Array.from({ length: count }, (_, index): Document => {
      const document = documents[(done + index) % documents.length] as Document;
      return { ...copyOf(document), index };
    });
    const startedMs = now();
    await session.run(next, () => {});
    const passedMs = now() - startedMs;
    taskMs += passedMs;
    done += count;
    points.push([done, await collect()]);
    count = Math.max(
      1,
      Math.min(every, runs - done, Math.round((lookMs * count) / Math.max(passedMs, 1e-3))),
    );
    if ((points.at(-1)?.[1] ?? 0) - (points[0]?.[1] ?? 0) > maxGrowth) break;
  }
  return points;
}

/** Collects garbage, which needs a flag of V8. @returns a function that gives the bytes still in use */
function collector(): () => Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  return async () => {
    gc();
    await new Promise((resolve) => setImmediate(resolve)); // what finalizers free
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
}
