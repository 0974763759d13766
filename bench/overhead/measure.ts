import { Helper } from '../trials/helper.js';
import type { Wards } from '../trials/helper-processes.js';
import type { GranularityPoint, OverheadTrial } from './columns.js';
import type { Measured, OverheadRequest } from './host.js';
import type { Configuration, Series } from './series.js';

/** One cell of the dispatch benchmark. */
export interface Arm {
  readonly series: Series;
  readonly configuration: Configuration;
  readonly workers: number;
  readonly documentBytes: number;
}

export interface Measuring {
  readonly wards: Wards;
  readonly cores: number;
  /** Of each trial, or of each length of the task. */
  readonly timeMs: number;
}

/** What a document costs when the task does nothing. Never rejects: a failure is a row. */
export async function measureOverhead(
  arm: Arm,
  place: Pick<OverheadTrial, 'phase' | 'round'>,
  measuring: Measuring,
): Promise<OverheadTrial> {
  const row = { ...place, ...cellOf(arm) };
  const unknown = { transport: null, documents: null, wall_ms: null, overhead_us: null };
  try {
    const { points, transport } = await ask(arm, [0], measuring);
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

/** Efficiency at tasks of these lengths. @throws the host's error. */
export async function measureSweep(
  arm: Arm,
  steps: readonly number[],
  { round, ...measuring }: Measuring & { round: number },
): Promise<GranularityPoint[]> {
  const { points } = await ask(arm, steps, measuring);
  const used = Math.min(arm.workers, measuring.cores);
  return points.map(({ steps, taskUs, documents, wallMs }) => {
    const granularity = (wallMs * 1e3 * used) / documents;
    return {
      round,
      ...cellOf(arm),
      steps,
      task_us: taskUs,
      documents,
      wall_ms: wallMs,
      granularity_us: granularity,
      efficiency: taskUs / granularity,
    };
  });
}

function cellOf({ series, configuration, workers, documentBytes }: Arm) {
  const { delivery, inFlight } = configuration;
  return { strategy: series.name, delivery, in_flight: inFlight, workers, document_bytes: documentBytes };
}

/** A trial is expected to take a few seconds; one that takes this long hangs. */
const patienceMs = 120_000;

async function ask(arm: Arm, steps: readonly number[], { wards, timeMs }: Measuring): Promise<Measured> {
  const { series, configuration, workers, documentBytes } = arm;
  const name = series.shared ? 'kernel-shared' : 'kernel';
  const host = new Helper(wards, new URL('./host.js', import.meta.url));
  try {
    const request: OverheadRequest = {
      kind: 'dispatch',
      steps,
      strategy: series.loaded.url,
      workload: { name, url: new URL(`./${name}.js`, import.meta.url).href, options: {} },
      workers,
      delivery: configuration.delivery,
      ...(configuration.inFlight !== null && { inFlight: configuration.inFlight }),
      documentBytes,
      timeMs,
    };
    return await host.ask<Measured>(request, { timeoutMs: patienceMs });
  } finally {
    host.end();
  }
}
