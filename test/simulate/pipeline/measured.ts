import pipeline from '../../../strategies/pipeline/pipeline.js';
import type { OpenOptions, Session, StageReport, Strategy } from '../../../strategies/strategy.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import type { Plan } from './planned.js';

export function task(module: string, plans: readonly Plan[] = []): WorkloadRef {
  return { name: module, url: new URL(`./${module}`, import.meta.url).href, options: { plans } };
}

/** A decision of the allotment, and when it came. */
export interface Decision {
  readonly atMs: number;
  readonly line: string;
}

/** What is known at one moment of a run. */
export interface Moment {
  readonly atMs: number;
  readonly done: number;
  readonly stages: readonly StageReport[];
}

export interface MeasuredRun {
  readonly decisions: readonly Decision[];
  readonly moments: readonly Moment[];
}

/**
 * Runs documents for a time, ms, and looks at the stages ten times a second. Times count from the first
 * document.
 */
export async function runFor(
  ms: number,
  ref: WorkloadRef,
  options: Partial<OpenOptions>,
): Promise<MeasuredRun> {
  const decisions: Decision[] = [];
  const moments: Moment[] = [];
  let startMs = performance.now();
  const since = () => performance.now() - startMs;
  const session = await pipeline.open(ref, {
    workers: 1,
    delivery: 'clone',
    ...options,
    pipeline: {
      ...options.pipeline,
      onDecision: (line) => void decisions.push({ atMs: since(), line }),
    },
  });
  let done = 0;
  const look = () => void moments.push({ atMs: since(), done, stages: session.stages?.() ?? [] });
  startMs = performance.now();
  const timer = setInterval(look, 100);
  await session.run(until(ms), ({ status }) => {
    if (status !== 'ok') throw new Error(`a document is ${status}`);
    done++;
  });
  clearInterval(timer);
  await session.close();
  return { decisions, moments };
}

/**
 * Returns the rate in a part of a run, and the limit of the stages by their times and workers in that part.
 */
export function rateWithin(
  { moments }: MeasuredRun,
  fromMs: number,
  toMs: number,
): { readonly rate: number; readonly limit: number; readonly workers: readonly number[] } {
  const within = moments.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const [first, last] = [within[0] as Moment, within.at(-1) as Moment];
  const limits = last.stages.map((after, i) => {
    const before = first.stages[i] as StageReport;
    const serviceMs = (after.busyMs - before.busyMs) / (after.documents - before.documents);
    return (1000 * after.workers) / serviceMs;
  });
  return {
    rate: (1000 * (last.done - first.done)) / (last.atMs - first.atMs),
    limit: Math.min(...limits),
    workers: last.stages.map(({ workers }) => workers),
  };
}

/** Runs this many documents, and returns the rate and the processor time of this process for a document. */
export async function cost(
  strategy: Strategy,
  ref: WorkloadRef,
  {
    count,
    size = 100,
    ...options
  }: Partial<OpenOptions> & { readonly count: number; readonly size?: number },
): Promise<{ readonly rate: number; readonly cpuUs: number }> {
  const session = await strategy.open(ref, { workers: 1, delivery: strategy.deliveries[0], ...options });
  await pass(session, Math.ceil(count / 5), size);
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  await pass(session, count, size);
  const { user, system } = process.cpuUsage(cpu);
  const rate = (1000 * count) / (performance.now() - startMs);
  await session.close();
  return { rate, cpuUs: (user + system) / count };
}

async function pass(session: Session, count: number, size: number): Promise<void> {
  const bytes = new Uint8Array(size).fill(7);
  function* documents(): Generator<Document> {
    for (let index = 0; index < count; index++) yield { index, id: `d${index}`, size, bytes };
  }
  await session.run(documents(), ({ status }) => {
    if (status !== 'ok') throw new Error(`a document is ${status}`);
  });
}

export function* until(ms: number): Generator<Document> {
  const endMs = performance.now() + ms;
  for (let index = 0; performance.now() < endMs; index++)
    yield { index, id: `d${index}`, size: 100, bytes: new Uint8Array(100) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}
