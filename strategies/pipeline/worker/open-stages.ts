import { type LoadedWorkload, setupError } from '../../../workloads/load-workload.js';
import { nameSources } from '../../../workloads/source-stack.js';
import type { StageItem, StageResult } from '../../../workloads/stages/open-stage.js';
import { StageError } from '../../../workloads/stages/stage-error.js';
import type { Stage } from '../../../workloads/stages/stages.js';
import type { LocalReply, Mutable } from '../../session/outcome.js';
import type { Result } from '../../strategy.js';
import { now } from '../../worker/clock.js';
import {
  cancelledError,
  closedError,
  DocumentContext,
  droppedError,
  type TaskEnvironment,
} from '../../worker/document-context.js';
import { type LargeParts, MovedParts } from '../../worker/large-parts.js';
import { warnOfLeftOpen } from '../../worker/left-open.js';
import { snapshot } from '../../worker/snapshot.js';
import { failed, tearDown } from '../../worker/task.js';
import { TaskEnd } from '../../worker/task-end.js';
import { TaskLimits } from '../../worker/task-limits.js';
import { thisWorker } from '../../worker/worker-id.js';
import { movedBytes, type StageStart } from '../protocol.js';
import { Calls } from './calls.js';
import { inputReader, type ReadInput } from './read-inputs.js';
import { retriedCalls } from './retried-calls.js';
import type { Served, ServedOptions, StageInput, StageReply } from './served.js';
import { sizeOf } from './size-of.js';

export interface StagesToOpen {
  readonly workload: LoadedWorkload;
  /** The task has these stages. */
  readonly all: readonly Stage[];
  /** This worker serves the stages with these numbers. */
  readonly stages: readonly number[];
}

/** Opens the stages that this worker serves. @throws WorkloadError when the `setup` of one fails */
export async function openStages(
  { workload: ref, services, timeoutMs }: StageStart,
  { workload, all, stages }: StagesToOpen,
  { connect, large, begins, touch, before }: ServedOptions,
): Promise<Served> {
  // Node prints what the task throws in passing, and ends the worker.
  process.on('uncaughtExceptionMonitor', (cause) => void nameSources(cause));
  const watched = new Set<DocumentContext>();
  const abort = (isMeant: (context: DocumentContext) => boolean, reason: () => Error) => {
    for (const context of [...watched]) if (isMeant(context)) context.abort(reason());
  };
  const limits = new TaskLimits(services, true);
  const end = new TaskEnd(connect, {
    cancelled: (atMs) => abort(({ startedMs }) => startedMs <= atMs, cancelledError),
    dropped: (index) => abort((context) => context.index === index, droppedError),
    limited: (answer) => limits.receive(answer, end),
  });
  const calls = await openAll({ all, stages }, (stage) =>
    Calls.open(stage, { options: ref.options, timeoutMs, begins }),
  ).catch((cause: unknown) => {
    throw setupError(ref, cause, true);
  });
  const first = calls.get(0);
  const environment: TaskEnvironment = {
    // `resolve` of a task with stages looks for the state of the first stage here.
    state: first === undefined ? [] : [first.opened],
    options: ref.options,
    services,
    limits: () => limits.open(end),
    timeoutMs: undefined, // each call has the limit of its stage
    end,
    watched,
  };
  const read = inputReader(workload);
  const parts = large === 'move' ? new MovedParts(workload.results ?? 'copy', movedBytes) : large;
  const call: Served['call'] = (stage, inputs) => {
    const startedMs = now();
    const contexts: DocumentContext[] = [];
    for (const input of inputs) contexts.push(new DocumentContext(environment, startedMs, input));
    const made: StageCall = { calls: calls.get(stage) as Calls, inputs, contexts, startedMs, parts };
    if (stage > 0)
      return run(
        made,
        inputs.map(({ value }) => ({ document: value as never })),
      );
    begins();
    const found = inputs.map((input, i) => read(input, contexts[i] as DocumentContext));
    return found.some((one) => one instanceof Promise)
      ? Promise.all(found).then((found) => run(made, found))
      : run(made, found as ReadInput[]);
  };
  const { retry } = services;
  const waiting = (input: StageInput) => {
    const context = new DocumentContext(environment, now(), input);
    return { signal: context.signal, end: () => context.finish() };
  };
  return {
    call: retry === null ? call : retriedCalls({ call, retry, touch, waiting, limits: environment.limits }),
    async close() {
      for (const context of [...watched]) context.abort(closedError());
      limits.close();
      end.close();
      await tearDown(() => closeAll(calls));
      await warnOfLeftOpen(before);
    },
  };
}

async function openAll(
  { all, stages }: Pick<StagesToOpen, 'all' | 'stages'>,
  open: (stage: Stage) => Promise<Calls>,
): Promise<Map<number, Calls>> {
  const calls = new Map<number, Calls>();
  try {
    for (const number of stages) calls.set(number, await open(all[number] as Stage));
    return calls;
  } catch (cause) {
    await closeAll(calls).catch(() => {}); // the first error is the cause of what follows
    throw cause;
  }
}

async function closeAll(calls: ReadonlyMap<number, Calls>): Promise<void> {
  const closed = await Promise.allSettled([...calls.values()].map((each) => each.close()));
  for (const each of closed) if (each.status === 'rejected') throw each.reason;
}

interface StageCall {
  readonly calls: Calls;
  readonly inputs: readonly StageInput[];
  readonly contexts: readonly DocumentContext[];
  readonly startedMs: number;
  readonly parts: LargeParts | null;
}

/** Runs what could be read, as one batch. The replies have the order of the inputs. */
function run(call: StageCall, found: readonly ReadInput[]): StageReply[] | Promise<StageReply[]> {
  const items: StageItem[] = [];
  for (let i = 0; i < found.length; i++) {
    const one = found[i] as ReadInput;
    if ('document' in one) items.push(itemOf(call, i, one.document));
  }
  const replies = (results: readonly StageResult[]): StageReply[] => {
    const taskMs = (now() - call.startedMs) / found.length;
    let next = 0;
    return found.map((one, i) => {
      const result = 'document' in one ? (results[next++] as StageResult) : { error: one.cause };
      return replyTo(call, { at: i, result, taskMs });
    });
  };
  const results = call.calls.run(items);
  return results instanceof Promise ? results.then(replies) : replies(results);
}

function itemOf({ inputs, contexts }: StageCall, at: number, value: unknown): StageItem {
  const { id, part } = inputs[at] as StageInput;
  return { value, context: contexts[at] as DocumentContext, document: id, part };
}

interface Answered {
  readonly at: number;
  readonly result: { readonly values: readonly unknown[] } | { readonly error: unknown };
  readonly taskMs: number;
}

function replyTo(call: StageCall, { at, result, taskMs }: Answered): StageReply {
  const { contexts, startedMs, parts } = call;
  const context = contexts[at] as DocumentContext;
  context.finish();
  const { found, bytes } = taken(call, at, result);
  const worker = thisWorker();
  // A spread of `found` would cost a fifth of a microsecond.
  const reply: Mutable<LocalReply> =
    found.status === 'ok'
      ? { worker, startedMs, taskMs, status: 'ok', value: found.value }
      : { worker, startedMs, taskMs, status: found.status, error: found.error };
  const { wasRead } = context;
  if (wasRead !== null) {
    reply.size = wasRead.size;
    if (wasRead.mtimeMs !== undefined) reply.mtimeMs = wasRead.mtimeMs;
  }
  if (context.waitedMs > 0) reply.served = { waitedMs: context.waitedMs };
  if (reply.status === 'ok') parts?.note(reply);
  else parts?.forget();
  return { reply, bytes };
}

/** Replies are sent together with later ones, so their values are copies. */
function taken(
  { calls, inputs, parts }: StageCall,
  at: number,
  result: Answered['result'],
): { readonly found: Result; readonly bytes: number } {
  if ('error' in result) return { found: failed(result.error), bytes: 0 };
  try {
    const { stage } = calls.opened;
    const value: unknown = stage.flatMap ? result.values : result.values[0];
    const copy = stage.flatMap
      ? result.values.map((each) => snapshot(each, null, parts))
      : snapshot(value, null, parts);
    return { found: { status: 'ok', value: copy }, bytes: sizeOf(value) };
  } catch (cause) {
    // It cannot be cloned, or has a getter that throws.
    const of = { stage: calls.opened.stage.name, document: (inputs[at] as StageInput).id };
    return { found: failed(new StageError(of, cause)), bytes: 0 };
  }
}
