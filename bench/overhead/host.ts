import type { Delivery, Outcome, Session, Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import {
  contextWithoutSession,
  type Document,
  loadWorkload,
  type WorkloadRef,
} from '../../workloads/workload.js';
import { quantile } from '../stats/estimate.js';
import { answerRequests } from '../trials/answer.js';
import type { KernelResult } from './kernel.js';

/** This module is the measured side of the dispatch benchmark: a fresh process for every request. */
export type OverheadRequest =
  | ({ readonly kind: 'dispatch' } & Setting)
  | {
      readonly kind: 'task';
      readonly workload: WorkloadRef;
      readonly documents: readonly Document[];
      readonly timeMs: number;
    };

export interface Setting {
  readonly strategy: string;
  readonly workload: WorkloadRef;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly inFlight?: number;
  readonly documentBytes: number;
  /** Kernel steps per document; one point is measured for each number. */
  readonly steps: readonly number[];
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
 * Distinct documents together exceed the processor's caches: with a corpus that fits into them, copies look
 * cheap.
 */
const corpusBytes = 64e6;
const maxDistinct = 65_536;
/**
 * Documents that are transferred are copied before the clock starts, all of a pass at once, up to this
 * size.
 */
const maxTransferredBytes = 256e6;
/**
 * A single pass takes half of the time of all timed passes. Before them a pilot takes a fifth of it: it
 * warms up, and its rate gives the number of documents for a pass.
 */
const pass = { part: 1 / 2, pilot: 1 / 5 };

answerRequests(async (request: OverheadRequest): Promise<Measured | number> => {
  if (request.kind === 'task') return taskUs(request);
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  const session = await strategy.open(request.workload, request);
  try {
    const corpus = makeCorpus(request.documentBytes);
    const points: Point[] = [];
    for (const steps of request.steps) points.push(await measure(session, corpus, { ...request, steps }));
    return { points, transport: session.transport ?? null };
  } finally {
    await session.close();
  }
});

async function measure(
  session: Session,
  corpus: readonly Document[],
  { documentBytes, delivery, timeMs, workload, steps }: Omit<Setting, 'steps'> & { readonly steps: number },
): Promise<Point> {
  for (const { bytes } of corpus) if (bytes.length > 0) new DataView(bytes.buffer).setInt32(0, steps, true);
  const documentUs = await kernelUs(workload, corpus[0] as Document);
  const max =
    delivery === 'transfer' ? Math.floor(maxTransferredBytes / Math.max(1, documentBytes)) : 2 ** 22;
  let next = 0;
  const run = (count: number) => {
    const feed = delivery === 'transfer' ? copies(corpus, next, count) : null;
    const first = next;
    next = (next + count) % corpus.length;
    return timePass(session, count, (i) => feed?.[i] ?? (corpus[(first + i) % corpus.length] as Document));
  };
  let count = 4;
  let pilotMs = await run(count);
  while (pilotMs < timeMs * pass.pilot && count < max) {
    count = Math.min(max, count * 2);
    pilotMs = await run(count);
  }
  count = Math.max(4, Math.min(max, Math.round((count * timeMs * pass.part) / pilotMs)));
  let documents = 0;
  let wallMs = 0;
  while (wallMs < timeMs) {
    wallMs += await run(count);
    documents += count;
  }
  return { steps, taskUs: documentUs, documents, wallMs };
}

/**
 * Makes distinct documents in ordinary memory. Each owns its buffer, which is empty or has at least 8
 * bytes: the first four hold the kernel's steps.
 */
function makeCorpus(bytes: number): Document[] {
  const count = Math.min(maxDistinct, Math.ceil(corpusBytes / Math.max(1, bytes)));
  return Array.from({ length: count }, (_, index) => {
    return { index, id: `document-${index}`, size: bytes, bytes: new Uint8Array(bytes).fill(index) };
  });
}

function copies(corpus: readonly Document[], first: number, count: number): Document[] {
  return Array.from({ length: count }, (_, i) => {
    const document = corpus[(first + i) % corpus.length] as Document;
    return { ...document, bytes: document.bytes.slice() };
  });
}

/**
 * Times a pass, milliseconds, from pulling the first document to emitting the last outcome. Checks every
 * outcome on the way.
 * @throws Error if a document has no outcome, two, or a wrong one.
 */
async function timePass(
  session: Session,
  count: number,
  documentAt: (i: number) => Document,
): Promise<number> {
  const seen = new Uint8Array(count);
  let wrong: Outcome | null = null;
  let emitted = 0;
  function* source(): Generator<Document> {
    for (let index = 0; index < count; index++) yield { ...documentAt(index), index };
  }
  const startedMs = now();
  await session.run(source(), (outcome) => {
    emitted++;
    seen[outcome.index] = 1;
    if (
      outcome.status !== 'ok' ||
      !isRight(outcome.value as KernelResult, outcome.index, documentAt(outcome.index))
    )
      wrong ??= outcome;
  });
  const wallMs = now() - startedMs;
  if (wrong !== null) throw new Error(`wrong outcome: ${JSON.stringify(wrong)}`);
  if (emitted !== count || seen.includes(0))
    throw new Error(`expected one outcome for each of ${count} documents, got ${emitted}`);
  return wallMs;
}

/** @param document with its index in the corpus, which fills its bytes. */
function isRight(result: KernelResult, index: number, document: Document): boolean {
  return (
    result.index === index &&
    result.size === document.size &&
    result.last === (document.size === 0 ? 0 : document.index & 255)
  );
}

/**
 * Returns how long one call of the kernel takes on this thread, microseconds: the median of seven runs of 3
 * ms.
 */
async function kernelUs(ref: WorkloadRef, document: Document): Promise<number> {
  const { default: kernel } = await loadWorkload(ref);
  const context = contextWithoutSession({
    state: undefined,
    options: {},
    signal: new AbortController().signal,
  });
  const timeCalls = (calls: number): number => {
    const startedMs = now();
    for (let i = 0; i < calls; i++) kernel(document, context);
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
