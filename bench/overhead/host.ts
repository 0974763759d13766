import type { Delivery, Outcome, Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { contextWithoutSession, type Document, type WorkloadRef } from '../../workloads/workload.js';
import { quantile } from '../stats/estimate.js';
import { answerRequests } from '../trials/answer.js';
import { copyUs } from './copy.js';
import { Documents } from './documents.js';
import type { Files } from './files.js';
import type { KernelResult } from './kernel.js';
import type { Given, Through } from './series.js';
import { type Side, throughRunner, throughSession } from './side.js';

/** This module is the measured side of the dispatch benchmark: a fresh process for every request. */
export type OverheadRequest =
  | ({ readonly kind: 'dispatch' } & Setting)
  | { readonly kind: 'copy'; readonly documentBytes: number; readonly timeMs: number }
  | {
      readonly kind: 'task';
      readonly workload: WorkloadRef;
      readonly documents: readonly Document[];
      readonly timeMs: number;
    };

export interface Setting {
  /** The strategy has this name, and its module is at this URL. */
  readonly strategy: { readonly name: string; readonly url: string };
  /** The module that exports `createRunner` is at this URL. */
  readonly runner: string;
  readonly through: Through;
  readonly given: Given;
  /** Documents by path are these files; null where no path is given. */
  readonly files: Files | null;
  readonly workload: WorkloadRef;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly inFlight?: number;
  readonly documentBytes: number;
  /** Kernel steps per document; one point is measured for each number. */
  readonly steps: readonly number[];
  /** Passes before the first point take this long together: code that has just been loaded is slower. */
  readonly warmupMs: number;
  /** Timed passes of each point are repeated until they have taken this long together. */
  readonly timeMs: number;
}

/** One point is measured for each number of kernel steps. */
export interface Point {
  readonly steps: number;
  /** How long one call of the kernel takes on this process's main thread, microseconds. */
  readonly taskUs: number;
  readonly documents: number;
  readonly wallMs: number;
}

export interface Measured {
  readonly points: readonly Point[];
  /** The transport that carried the documents, if the strategy reports one. */
  readonly transport: string | null;
}

/**
 * Documents that are transferred are copied before the clock starts, all of a pass at once, up to this
 * size.
 */
const maxTransferredBytes = 256e6;
/**
 * A single pass takes half of the time of all timed passes. Before them a pilot takes a fifth of it, and its
 * rate gives the number of documents for a pass. A pass of the warm-up takes up to a tenth of its time.
 */
const pass = { part: 1 / 2, pilot: 1 / 5, warmup: 1 / 10 };
/** The smallest pass. */
const minDocuments = 4;

answerRequests(async (request: OverheadRequest): Promise<Measured | number> => {
  if (request.kind === 'task') return taskUs(request);
  if (request.kind === 'copy') return copyUs(request.documentBytes, request.timeMs);
  const { delivery, given, documentBytes, files } = request;
  const side = await openSide(request);
  try {
    const documents = new Documents({
      documentBytes,
      given,
      files,
      pathAsBytes: delivery !== 'reference',
      areLost: delivery === 'transfer',
    });
    const { warmupMs, timeMs } = request;
    const max = longestPass(request);
    const run = (count: number) => timePass(side, documents, count);
    const points: Point[] = [];
    for (const [point, steps] of request.steps.entries()) {
      documents.setSteps(steps);
      if (point === 0) await warmUp(run, { max, warmupMs });
      const taskUs = await kernelUs(documents.sample);
      points.push({ steps, taskUs, ...(await measure(run, { max, timeMs })) });
    }
    return { points, transport: side.transport };
  } finally {
    await side.close();
  }
});

async function openSide(setting: Setting): Promise<Side> {
  const { strategy, runner, through, workload, ...options } = setting;
  if (through === 'session') {
    const { default: module } = (await import(strategy.url)) as { default: Strategy };
    return throughSession(await module.open(workload, options));
  }
  const { workers, delivery } = options;
  return throughRunner(
    await import(runner),
    { task: new URL(workload.url), strategy: strategy.name, workers, delivery },
    through,
  );
}

/** Documents that are given away are all there before a pass begins, so that it cannot be of any length. */
function longestPass({ delivery, documentBytes }: Setting): number {
  return delivery === 'transfer' ? Math.floor(maxTransferredBytes / Math.max(1, documentBytes)) : 2 ** 22;
}

/** Runs a pass of this number of documents, and returns how long it took, milliseconds. */
type RunPass = (count: number) => Promise<number>;

/**
 * Has one pass at least, because a broker has no connections yet: the first pass would end the pilot at once,
 * and each timed pass would have only a few documents, which cost a hundred times as much through a broker.
 */
async function warmUp(
  run: RunPass,
  { max, warmupMs }: { readonly max: number; readonly warmupMs: number },
): Promise<void> {
  const endMs = now() + warmupMs;
  let count = minDocuments;
  do {
    const passMs = await run(count);
    if (passMs < warmupMs * pass.warmup) count = Math.min(max, count * 2);
  } while (now() < endMs);
}

async function measure(
  run: RunPass,
  { max, timeMs }: { readonly max: number; readonly timeMs: number },
): Promise<Pick<Point, 'documents' | 'wallMs'>> {
  let count = minDocuments;
  let pilotMs = await run(count);
  while (pilotMs < timeMs * pass.pilot && count < max) {
    count = Math.min(max, count * 2);
    pilotMs = await run(count);
  }
  count = Math.max(minDocuments, Math.min(max, Math.round((count * timeMs * pass.part) / pilotMs)));
  let documents = 0;
  let wallMs = 0;
  while (wallMs < timeMs) {
    wallMs += await run(count);
    documents += count;
  }
  return { documents, wallMs };
}

/**
 * Times a pass, milliseconds, from pulling the first document to emitting the last outcome. Checks every
 * outcome on the way.
 * @throws Error if a document has no outcome, two, or a wrong one.
 */
async function timePass(side: Side, documents: Documents, count: number): Promise<number> {
  const documentAt = documents.take(count);
  const seen = new Uint8Array(count);
  let wrong: Outcome | null = null;
  let emitted = 0;
  const startedMs = now();
  await side.run(side.source(count, documentAt), (outcome) => {
    emitted++;
    seen[outcome.index] = 1;
    const document = documentAt(outcome.index);
    if (
      outcome.status !== 'ok' ||
      outcome.id !== document.id ||
      (side.keepsIndex && (outcome.value as KernelResult).index !== outcome.index) ||
      !documents.isRight(outcome.value as KernelResult, document)
    )
      wrong ??= outcome;
  });
  const wallMs = now() - startedMs;
  if (wrong !== null) throw new Error(`wrong outcome: ${JSON.stringify(wrong)}`);
  if (emitted !== count || seen.includes(0))
    throw new Error(`expected one outcome for each of ${count} documents, got ${emitted}`);
  return wallMs;
}

/**
 * Returns how long one call of the kernel takes on this thread, microseconds: the median of seven runs of 3
 * ms.
 */
async function kernelUs(document: Document): Promise<number> {
  const { default: kernel } = await import('./kernel.js');
  const timeCalls = (calls: number): number => {
    const startedMs = now();
    for (let i = 0; i < calls; i++) kernel(document);
    return ((now() - startedMs) * 1e3) / calls;
  };
  let calls = 1;
  while (timeCalls(calls) * calls < 3_000) calls *= 2;
  return quantile(
    Array.from({ length: 7 }, () => timeCalls(calls)),
    0.5,
  ) as number;
}

/** Times a document on this thread, one after the other, microseconds, once the code is warm. */
async function taskUs({
  workload,
  documents,
  timeMs,
}: Extract<OverheadRequest, { kind: 'task' }>): Promise<number> {
  const { default: task } = await loadWorkload(workload);
  const context = contextWithoutSession({
    state: undefined,
    options: {},
    signal: new AbortController().signal,
  });
  let us = 0;
  // The first half of the time warms up.
  for (let half = 0; half < 2; half++) {
    let count = 0;
    const startedMs = now();
    while (now() - startedMs < timeMs / 2) {
      await task(documents[count % documents.length] as Document, context);
      count++;
    }
    us = ((now() - startedMs) * 1e3) / count;
  }
  return us;
}
