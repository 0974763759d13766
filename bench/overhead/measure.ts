import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { GranularityPoint, OverheadTrial } from './columns.js';
import type { FileCorpora } from './files.js';
import type { Measured, OverheadRequest } from './host.js';
import type { Dispatch, Series } from './series.js';

/** A cell is what one trial of the dispatch benchmark measures. */
export interface OverheadCell {
  readonly series: Series;
  readonly dispatch: Dispatch;
  readonly workers: number;
  readonly documentBytes: number;
}

export interface Measuring {
  readonly helpers: HelperProcesses;
  readonly cores: number;
  /** The files of documents that are given by path. */
  readonly files: FileCorpora;
  /** The module that exports `createRunner` is at this URL. */
  readonly runner: string;
  /** Duration of the passes before the clock counts, for each trial. */
  readonly warmupMs: number;
  /** Duration of the timed passes, for each trial or for each length of the task. */
  readonly timeMs: number;
}

/** Measures what a document costs when the task does nothing. Never rejects: a failure is a row. */
export async function measureOverhead(
  cell: OverheadCell,
  place: Pick<OverheadTrial, 'phase' | 'round'>,
  measuring: Measuring,
): Promise<OverheadTrial> {
  const row = { ...place, ...columnsOf(cell) };
  const unknown = { transport: null, documents: null, wall_ms: null, overhead_us: null };
  try {
    const { points, transport } = await ask(cell, [0], measuring);
    const { documents, wallMs } = points[0] as (typeof points)[0];
    return {
      ...row,
      transport,
      status: 'ok',
      reason: null,
      documents,
      wall_ms: wallMs,
      overhead_us: (wallMs * 1e3) / documents,
    };
  } catch (cause) {
    return {
      ...row,
      ...unknown,
      status: 'failed',
      reason: (cause as Error).message.replaceAll(/\s*[\r\n]+\s*/g, ' / '),
    };
  }
}

/** Measures the efficiency with tasks of these lengths. @throws the host's error. */
export async function measureSweep(
  cell: OverheadCell,
  steps: readonly number[],
  { round, ...measuring }: Measuring & { round: number },
): Promise<GranularityPoint[]> {
  const { points } = await ask(cell, steps, measuring);
  const used = Math.min(cell.workers, measuring.cores);
  return points.map(({ steps, taskUs, documents, wallMs }) => {
    const granularity = (wallMs * 1e3 * used) / documents;
    return {
      round,
      ...columnsOf(cell),
      steps,
      task_us: taskUs,
      documents,
      wall_ms: wallMs,
      granularity_us: granularity,
      efficiency: taskUs / granularity,
    };
  });
}

/** The columns that name a cell in the tables. */
export function columnsOf({ series, dispatch, workers, documentBytes }: OverheadCell) {
  const { delivery, inFlight } = dispatch;
  return { strategy: series.name, delivery, in_flight: inFlight, workers, document_bytes: documentBytes };
}

/** The name of the module with the task that fits what is given. */
function kernelOf({ given, shared }: Series, { delivery }: Dispatch): string {
  if (given === 'resolve') return 'kernel-resolve';
  if (given === 'path' && delivery !== 'reference') return 'kernel-file';
  return shared ? 'kernel-shared' : 'kernel';
}

/** Measures how long one copy of a document of this size takes, microseconds. @throws the host's error */
export async function measureCopy(
  documentBytes: number,
  { helpers, timeMs }: Pick<Measuring, 'helpers' | 'timeMs'>,
): Promise<number> {
  const host = new Helper(helpers, new URL('./host.js', import.meta.url));
  try {
    const request: OverheadRequest = { kind: 'copy', documentBytes, timeMs };
    return await host.ask<number>(request, { timeoutMs: patienceMs });
  } finally {
    host.end();
  }
}

/** A trial takes a few seconds; one that takes this long hangs. */
const patienceMs = 120_000;

async function ask(
  cell: OverheadCell,
  steps: readonly number[],
  { helpers, warmupMs, timeMs, files, runner }: Measuring,
): Promise<Measured> {
  const { series, dispatch, workers, documentBytes } = cell;
  const { through, given, loaded } = series;
  const name = kernelOf(series, dispatch);
  const host = new Helper(helpers, new URL('./host.js', import.meta.url));
  try {
    const request: OverheadRequest = {
      kind: 'dispatch',
      steps,
      strategy: { name: loaded.strategy.name, url: loaded.url },
      runner,
      through,
      given,
      files: given === 'path' ? files.of(documentBytes) : null,
      workload: { name, url: new URL(`./${name}.js`, import.meta.url).href, options: {} },
      workers,
      delivery: dispatch.delivery,
      ...(dispatch.inFlight !== null && { inFlight: dispatch.inFlight }),
      documentBytes,
      warmupMs,
      timeMs,
    };
    return await host.ask<Measured>(request, { timeoutMs: patienceMs });
  } finally {
    host.end();
  }
}
