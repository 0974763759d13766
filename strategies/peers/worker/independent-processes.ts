import { serialize } from 'node:v8';
import { loadWorkload } from '../../../workloads/load-workload.js';
import type { Document } from '../../../workloads/workload.js';
import { endWithParent } from '../../processes/end-with-parent.js';
import type { CarriedDocument } from '../../session/reference.js';
import { taskError } from '../../session/task-error.js';
import type { Engine, Member, TaskError } from '../../strategy.js';
import { now } from '../../worker/clock.js';
import { readReference, type WasRead } from '../../worker/read-reference.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { PeerTask } from '../peer-task.js';
import { plainContexts } from './plain-context.js';

/** The parent sends one of these and waits for its answer before it sends the next one. */
export type Ask =
  /** Keeps these documents until a `prepare` leaves them out. */
  | { readonly kind: 'hold'; readonly documents: readonly CarriedDocument[] }
  /** Says which documents the next run has, all of which are held. */
  | { readonly kind: 'prepare'; readonly documents: readonly Pick<Document, 'index' | 'id'>[] }
  /** Runs the loop. */
  | { readonly kind: 'run' }
  /** Asks for the next results of the loop. */
  | { readonly kind: 'results' }
  | { readonly kind: 'report' }
  | { readonly kind: 'goodbye' };

/** The loop began and ended at these times of the machine's monotonic clock, ms. */
export interface Ran {
  readonly startedMs: number;
  readonly endedMs: number;
}

/** One document's result, serialized by V8, or the error of its task. */
export interface Told {
  /** The document has this place in the last `prepare`, from 0. */
  readonly place: number;
  readonly result: Uint8Array | TaskError;
  /** Absent for documents that have bytes, and where nothing was read. */
  readonly read?: WasRead | undefined;
}

export interface Usage {
  readonly member: Member;
  readonly engine: Engine;
}

/** An answer to the parent: the error why the workload does not load, or what was asked for. */
export type Answer = { readonly failure: TaskError } | { readonly body: unknown };

/** A message with results has about this size, bytes. */
const messageBytes = 8e6;

const ref = JSON.parse(process.argv[2] as string) as PeerTask;
const stop = new AbortController();
const loading = (async () => {
  const workload = await loadWorkload(ref);
  const state = await workload.setup?.(ref.options);
  return { workload, state, contextOf: plainContexts(ref, { state, signal: stop.signal }) };
})();
loading.catch(() => {}); // every answer then says why

const held = new Map<string, CarriedDocument>();
let documents: readonly CarriedDocument[] = [];
let results: unknown[] = [];
let failures = new Map<number, TaskError>();
let reads: (WasRead | undefined)[] = [];
let told = 0;

endWithParent();
process.on('message', async (ask: Ask) => {
  const answer: Answer = await answerTo(ask).then(
    (body) => ({ body }),
    (cause: unknown) => ({ failure: taskError(cause) }),
  );
  process.send?.(answer);
});

async function answerTo(ask: Ask): Promise<unknown> {
  const { workload, state } = await loading;
  switch (ask.kind) {
    case 'hold':
      for (const document of ask.documents) held.set(document.id, document);
      return null;
    case 'prepare':
      prepare(ask.documents, workload.views === 'shared');
      return null;
    case 'run':
      return loop();
    case 'results':
      return someResults();
    case 'report':
      return { member: processReport(), engine: engineReport(thisWorker()) } satisfies Usage;
    case 'goodbye':
      stop.abort();
      await workload.teardown?.(state);
      return null;
  }
}

/** @param readsOnly the task only reads its documents; other tasks get copies, which they may change */
function prepare(next: readonly Pick<Document, 'index' | 'id'>[], readsOnly: boolean): void {
  documents = next.map(({ index, id }) => {
    const { bytes, ...document } = held.get(id) as CarriedDocument;
    return { ...document, index, bytes: readsOnly ? bytes : bytes.slice() };
  });
  const ids = new Set(next.map(({ id }) => id));
  for (const id of held.keys()) if (!ids.has(id)) held.delete(id);
  results = new Array(documents.length);
  failures = new Map();
  reads = new Array(documents.length);
  told = 0;
}

/** The plain loop: it contains the task and the reading of documents by reference, and keeps the results. */
async function loop(): Promise<Ran> {
  const { workload, contextOf } = await loading;
  const task = workload.default;
  const startedMs = now();
  for (let i = 0; i < documents.length; i++) {
    try {
      let document: Document = documents[i] as CarriedDocument;
      const context = contextOf(document);
      if ((document as CarriedDocument).by !== undefined) {
        const found = readReference(document, context, { resolve: workload.resolve, isShared: () => false });
        const { bytes, read } = found instanceof Promise ? await found : found;
        reads[i] = read;
        document = { index: document.index, id: document.id, size: bytes.length, bytes };
      }
      const value = task(document, context);
      results[i] = value instanceof Promise ? await value : value;
    } catch (cause) {
      failures.set(i, taskError(cause));
    }
  }
  return { startedMs, endedMs: now() };
}

function someResults(): Told[] {
  const some: Told[] = [];
  for (let bytes = 0; told < documents.length && bytes < messageBytes; told++) {
    const result = failures.get(told) ?? serialized(results[told]);
    some.push({ place: told, result, read: reads[told] });
    bytes += result instanceof Uint8Array ? result.length : 0;
    results[told] = undefined;
  }
  return some;
}

function serialized(value: unknown): Uint8Array | TaskError {
  try {
    return serialize(value);
  } catch (cause) {
    return taskError(cause);
  }
}
