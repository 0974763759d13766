import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { SessionCache } from '../../services/cache/cache-facts.js';
import type { TakenSlot } from '../../services/limits.js';
import type { TaskServices } from '../../services/task-services.js';
import { type LoadedWorkload, loadWorkload, setupError } from '../../workloads/load-workload.js';
import { nameSources } from '../../workloads/source-stack.js';
import { StageTimeout } from '../../workloads/stages/stage-error.js';
import { isInstance, messageOf } from '../../workloads/thrown.js';
import type { Views, Workload, WorkloadRef } from '../../workloads/workload.js';
import { type LocalReply, type Mutable, timeoutError } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { taskError } from '../session/task-error.js';
import { teardownMs } from '../session/teardown.js';
import type { Result } from '../strategy.js';
import type { Begun, CachedTask, ResultCache } from './cached.js';
import { callAlone } from './call-alone.js';
import { now } from './clock.js';
import { refuseUncloneable } from './cloneable.js';
import {
  cancelledError,
  closedError,
  DocumentContext,
  droppedError,
  type TaskEnvironment,
} from './document-context.js';
import { type LargeParts, MovedParts, withoutLargeParts } from './large-parts.js';
import { type OpenResources, openResources, warnOfLeftOpen } from './left-open.js';
import { ownDocuments } from './own-document.js';
import { type Content, readReference } from './read-reference.js';
import { runServed, type ServedTask, waitFor } from './served.js';
import { snapshot } from './snapshot.js';
import { type Connect, TaskEnd } from './task-end.js';
import { TaskLimits } from './task-limits.js';
import { mainWorker } from './worker-id.js';

/**
 * A workload that is loaded and set up on this thread. Every strategy runs this, wherever it runs
 * documents.
 */
export interface OpenTask {
  /** The task gets documents in shared memory in this way. */
  readonly views: Views;
  /** True where documents may wait for a service, and be tried again. */
  readonly isServed: boolean;
  /**
   * Reads a document by reference, and runs the task. Never throws and never rejects. A task that does not
   * wait is answered without a promise.
   * @param touch called when the document's time limit begins again: it is tried again, or waits for a
   * service
   */
  run(document: CarriedDocument, touch?: () => void): LocalReply | Promise<LocalReply>;
  close(): Promise<void>;
}

export interface TaskOptions {
  /** This thread or process has this name in outcomes. */
  readonly worker: string;
  /**
   * `live`: replies carry the very values that the task returned, for a caller that passes them on at once;
   * `snapshot`: copies, for a caller that passes them on in bulk. Absent: `live`.
   */
  readonly results?: 'live' | 'snapshot';
  /**
   * How large parts of results leave the worker. `move`: replies are sent to another thread, and parts are
   * moved there. Absent or null: they travel like the rest of the result.
   */
  readonly large?: 'move' | LargeParts | null;
  /** A task that takes views of shared memory gets views of this one; absent: it gets none. */
  readonly memory?: SharedArrayBuffer;
  /** Limits, retries and the run's id. */
  readonly services: TaskServices;
  /** The document's signal aborts after this time; absent: it does not. */
  readonly timeoutMs?: number | undefined;
  /**
   * Tells whether documents run beside each other on this thread, which then must not wait for the disk.
   * Absent: they never do.
   */
  readonly isShared?: () => boolean;
  /** Connects the worker with its caller; absent where the strategy has no side channel. */
  readonly connect?: Connect;
  /** What was open before the task was loaded; absent: it is loaded here. */
  readonly before?: OpenResources;
}

/** Loads the workload and runs its `setup`. @throws WorkloadError when one of them fails */
export async function openTask(
  ref: WorkloadRef,
  {
    worker,
    results = 'live',
    large: carried = null,
    memory,
    services,
    timeoutMs,
    isShared = () => false,
    connect,
    before = openResources(),
  }: TaskOptions,
): Promise<OpenTask> {
  // Node prints what the task throws in passing, and ends the worker.
  if (worker !== mainWorker) process.on('uncaughtExceptionMonitor', (cause) => void nameSources(cause));
  const workload = await loadWorkload(ref);
  const state = await setUp(workload, ref);
  const views = workload.views ?? 'copy';
  const allowed = (views === 'shared' && memory) || null;
  const large = carried === 'move' ? new MovedParts(workload.results ?? 'copy') : carried;
  const take =
    results === 'live'
      ? (value: unknown) => live(value, large)
      : (value: unknown) => snapshot(value, allowed, large);
  // Where parts of a result travel in files, its copy has other objects in their place.
  const isCopied = results === 'snapshot' && (large === null || large instanceof MovedParts);
  const watched = new Set<DocumentContext>();
  const abort = (isMeant: (context: DocumentContext) => boolean, reason: () => Error) => {
    for (const context of [...watched]) if (isMeant(context)) context.abort(reason());
  };
  const taskLimits = new TaskLimits(services, connect !== undefined);
  const limits = () => taskLimits.open(end);
  const end = new TaskEnd(connect ?? null, {
    cancelled: (atMs) => abort(({ startedMs }) => startedMs <= atMs, cancelledError),
    dropped: (index) => abort((context) => context.index === index, droppedError),
    limited: (answer) => taskLimits.receive(answer, end),
  });
  const ownDocument = ownDocuments(views, worker === mainWorker);
  const reading = { resolve: workload.resolve, isShared };
  const runOn = (
    { index, id }: CarriedDocument,
    { bytes, read }: Content,
    context: DocumentContext,
  ): unknown => {
    context.read(read);
    return workload.default({ index, id, size: bytes.length, bytes }, context);
  };
  const readAndRun = (document: CarriedDocument, context: DocumentContext): unknown => {
    const content = readReference(document, context, reading);
    return content instanceof Promise
      ? content.then((content) => runOn(document, content, context))
      : runOn(document, content, context);
  };
  const environment: TaskEnvironment = {
    state,
    options: ref.options,
    services,
    timeoutMs,
    end,
    limits,
    watched,
  };
  const runOnce = (
    document: CarriedDocument,
    own: TakenSlot | null,
    begun: Begun | null = null,
  ): LocalReply | Promise<LocalReply> => {
    const startedMs = now();
    const seen = begun?.seen ?? null;
    const context = new DocumentContext(environment, startedMs, document, { own, seen });
    if (begun !== null && begun.read !== null) context.read(begun.read);
    const result = (value: unknown): Result => {
      if (!isCopied) seen?.result(value);
      return taken(value, take);
    };
    const reply = (result: Result): LocalReply => {
      const taskMs = now() - startedMs;
      context.finish();
      const { timedOut, wasRead } = context;
      // Each kind of reply is one literal: to spread the result into it would take as long as a short task.
      const reply: Mutable<LocalReply> = timedOut
        ? { worker, startedMs, taskMs, status: 'timed-out', error: timeoutError(timeoutMs as number) }
        : result.status === 'ok'
          ? { worker, startedMs, taskMs, status: 'ok', value: result.value }
          : { worker, startedMs, taskMs, status: result.status, error: result.error };
      if (wasRead !== null) {
        reply.size = wasRead.size;
        if (wasRead.mtimeMs !== undefined) reply.mtimeMs = wasRead.mtimeMs;
      }
      if (context.waitedMs > 0) reply.served = { waitedMs: context.waitedMs };
      if (large !== null) {
        if (reply.status === 'ok') large.note(reply);
        else large.forget();
      }
      if (seen !== null && isCopied && reply.status === 'ok') {
        if (reply.moved === undefined) seen.copy(reply.value);
        else seen.result(reply.value); // the message moves parts of it to another thread
      }
      return reply;
    };
    try {
      const value =
        document.by === undefined
          ? seen === null
            ? workload.default(ownDocument(document), context)
            : callAlone(workload, seen.watched(ownDocument(document)), context)
          : readAndRun(document, context);
      if (!isThenable(value)) return reply(result(value));
      return Promise.resolve(value).then(
        (value) => reply(result(value)),
        (cause: unknown) => reply(failed(cause)),
      );
    } catch (cause) {
      return reply(failed(cause));
    }
  };
  const { retry } = services;
  const waiting = (document: CarriedDocument) => {
    const context = new DocumentContext({ ...environment, timeoutMs: undefined }, now(), document);
    return { signal: context.signal, end: () => context.finish() };
  };
  const failure = (cause: unknown): LocalReply => ({
    worker,
    startedMs: now(),
    taskMs: 0,
    ...failed(cause),
  });
  const served: ServedTask | null =
    services.limits === null && retry === null
      ? null
      : { runOnce, limits, hasLimits: services.limits !== null, retry, waiting, failed: failure };
  const run: CachedTask['run'] = (document, touch, begun) =>
    served === null ? runOnce(document, null, begun) : runServed(served, { document, begun }, touch);
  const cached: CachedTask = {
    mayWait: isCopied,
    run,
    read(document) {
      const context = new DocumentContext(environment, now(), document);
      const content = readReference(document, context, reading);
      if (content instanceof Promise) return content.finally(() => context.finish());
      context.finish();
      return content;
    },
    reply(value, { startedMs, read }, cachedMs) {
      const result = taken(null, () => take(value()));
      if (result.status !== 'ok') return null;
      const reply: Mutable<LocalReply> = { worker, startedMs, taskMs: now() - startedMs, ...result };
      if (read !== null) Object.assign(reply, read);
      reply.served = { cachedMs };
      large?.note(reply);
      return reply;
    },
    wait: (document, touch, until) => waitFor(until, waiting(document), touch),
    failed: failure,
  };
  const cache = services.cache === null ? null : await openCache(services.cache, workload, { ref, cached });
  return {
    views,
    isServed: served !== null || cache !== null,
    run: (document, touch = ignore) =>
      cache === null ? run(document, touch, null) : cache.run(document, touch),
    async close() {
      for (const context of [...watched]) context.abort(closedError());
      taskLimits.close();
      end.close();
      cache?.write(); // a teardown may take too long, or throw
      await tearDown(() => workload.teardown?.(state));
      cache?.close();
      // On the caller's own thread, others may have opened something.
      if (worker !== mainWorker) await warnOfLeftOpen(before);
    },
  };
}

/** Few sessions have a cache, so its modules are loaded here. */
async function openCache(
  cache: SessionCache,
  workload: Workload,
  { ref, cached }: { readonly ref: WorkloadRef; readonly cached: CachedTask },
): Promise<ResultCache> {
  const { ResultCache } = await import('./cached.js');
  return ResultCache.open(cache, workload, { options: ref.options, ...cached });
}

const ignore = () => {};

async function setUp(workload: LoadedWorkload, ref: WorkloadRef): Promise<unknown> {
  try {
    return await workload.setup?.(ref.options);
  } catch (cause) {
    throw setupError(ref, cause, workload.stages !== null);
  }
}

/**
 * Runs a teardown, and waits for it for `teardownMs` at most. All documents have their outcomes by then, so a
 * failure is only a warning, and the session closes.
 */
export async function tearDown(run: () => void | Promise<void>): Promise<void> {
  try {
    await limited(run());
  } catch (cause) {
    process.emitWarning(`the task's teardown failed: ${messageOf(cause)}`);
    await new Promise((resolve) => setImmediate(resolve)); // the warning is printed in the next turn
  }
}

async function limited(teardown: void | Promise<void>): Promise<void> {
  if (!isThenable(teardown)) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      process.emitWarning(
        `the task's teardown was given up: it was still running after ${teardownMs / 1000} s`,
      );
      setImmediate(resolve); // the worker may end at once, and the warning is printed in the next turn
    }, teardownMs);
  });
  try {
    await Promise.race([teardown, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Refuses a value that only some strategies could bring back: all strategies must give the same outcome. */
export function live(value: unknown, large: LargeParts | null): unknown {
  refuseUncloneable(value);
  return large === null ? value : withoutLargeParts(value, large);
}

/** Never throws, although the value may have getters that do. */
export function taken(value: unknown, take: (value: unknown) => unknown): Result {
  try {
    return { status: 'ok', value: take(value) };
  } catch (cause) {
    return failed(cause);
  }
}

export function failed(cause: unknown): Result {
  if (isInstance(cause, StageTimeout)) return { status: 'timed-out', error: taskError(cause) };
  return { status: 'failed', error: taskError(cause) };
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
