import type { Circuit, CircuitOptions } from '../services/circuit.js';
import {
  type BrokerOptions,
  type Configuration,
  type Delivery,
  type Fallback,
  isolates,
  type PipelineOptions,
  type RetryOptions,
  type ServiceLimit,
  type Session,
  type SideChannel,
  type Strategy,
} from '../strategies/strategy.js';
import type { TaskFile } from '../workloads/task-file.js';
import type { TaskFinding } from '../workloads/task-findings.js';
import type { WorkloadRef } from '../workloads/workload.js';
import type { AdaptiveDecision } from './adaptive.js';
import { type Adapts, adapts } from './adapts.js';
import { CacheUse } from './cache-use.js';
import type { JobCircuit } from './circuit/circuit-session.js';
import { type CacheOptions, openCache } from './open-cache.js';
import { findStrategy } from './open-strategy.js';
import type { Recommendation, RecommendedTask, ValidWhen } from './recommendation.js';
import type { Runner } from './runner.js';
import { type RunnerFacts, SessionRunner } from './session-runner.js';
import { startError } from './start-error.js';
import { checkEnvironment, sizeCheck, type Warn } from './validity.js';

export type { CircuitOptions };

/**
 * `createRunner` needs these options. A `Recommendation` has all of them: `createRunner(recommendation)`, or
 * `createRunner({ ...recommendation, task: './parse.ts' })` where the module is at another path.
 */
export interface RunnerOptions {
  /**
   * Path of the task's module, from the current folder, with `#name` where the task is not the default
   * export; or the task of a recommendation.
   */
  readonly task: string | URL | RecommendedTask;
  /** The strategy's name, as `strategies` lists it. */
  readonly strategy: string;
  /**
   * How many workers it starts, a whole number from 1 on; documents in flight where the strategy runs on the
   * caller's thread.
   */
  readonly workers: number;
  /**
   * True lets the number of documents at the same time follow the load: `perWorker`, or `workers` where the
   * strategy runs on the caller's thread. It starts as given. Absent: it stays as given.
   */
  readonly adaptive?: boolean;
  /** Gets each decision of an adaptive runner. Absent: none is reported; `stats()` counts them. */
  readonly onDecision?: (decision: AdaptiveDecision) => void;
  /** How documents reach a worker. Absent: the strategy's first delivery. */
  readonly delivery?: Delivery;
  /** Gives numbers to the strategy's axes, beside `workers`. Absent: the strategy uses its defaults. */
  readonly configuration?: Configuration;
  /**
   * Each worker runs this many documents at the same time, as in `OpenOptions`: others compute while one
   * waits. Absent: one.
   */
  readonly perWorker?: number;
  /**
   * A task that runs longer ends as `timed-out`, ms, as in `OpenOptions`. Absent or null: there is no limit.
   */
  readonly timeoutMs?: number | null;
  /**
   * A worker's heap may grow to this size, MB of 2²⁰ bytes, as in `OpenOptions`. Absent or null: its share of
   * the memory there is.
   */
  readonly heapMb?: number | null;
  /**
   * A worker process may grow to this resident size, MB of 2²⁰ bytes, as in `OpenOptions`. Absent or null:
   * its share.
   */
  readonly memoryMb?: number | null;
  /** The task gets this as `context.options`. It is cloned for the workers, so it holds no functions. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Answers what tasks ask with `context.ask`. Absent: such requests are rejected. */
  readonly channel?: SideChannel;
  /**
   * `context.key` begins with this id, as in `OpenOptions`. Give the id of an earlier runner to go on with
   * its documents: their keys are then the same. Absent: a new one.
   */
  readonly runId?: string;
  /** The service that tasks call accepts this much, as in `OpenOptions`. Absent: nothing is limited. */
  readonly limits?: readonly ServiceLimit[];
  /** Failures that may go away are tried again, as in `OpenOptions`. Absent: a document is tried once. */
  readonly retry?: RetryOptions;
  /** Documents that fail for good get this value, as in `OpenOptions`. Absent: they have failed. */
  readonly fallback?: Fallback;
  /**
   * Documents wait while the service that tasks call fails all of them, and one after the other tries again;
   * `false` lets each document fail by itself. Absent: the defaults of `CircuitOptions` where there are
   * `limits` or `retry`, else false.
   */
  readonly circuit?: CircuitOptions | false;
  /**
   * Results are kept in this folder, and equal documents get them from there, also in later sessions. Absent:
   * every document runs.
   */
  readonly cache?: string | CacheOptions;
  /**
   * Says where a strategy between machines finds its broker and its agents, as in `OpenOptions`. Absent: it
   * starts a Redis and agents of its own, on this machine.
   */
  readonly broker?: BrokerOptions;
  /**
   * Limits the queues of a strategy that runs stages beside each other, as in `OpenOptions`. Absent: its
   * defaults.
   */
  readonly pipeline?: PipelineOptions;
  /**
   * The strategy was measured under these conditions; the runner warns when they differ. Absent: nothing is
   * compared.
   */
  readonly validWhen?: ValidWhen;
  /**
   * These findings about the task come from a recommendation. An error of `in-flight` refuses strategies that
   * run several documents at a time on one thread.
   */
  readonly findings?: readonly TaskFinding[];
  /** True opens the strategy although the task is known to mix up documents that are in flight together. */
  readonly force?: boolean;
  /** Closes the runner when it aborts. */
  readonly signal?: AbortSignal;
  /** Gets each warning once. Absent: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens the strategy that was measured, for use in a program. Resolves when all workers are ready.
 * @throws TypeError when the task is no path, or an option is missing or misspelt; WorkloadError when the
 * task does not load, its `setup` fails, or it is known to mix up documents that the strategy runs at the
 * same time; RangeError for an unknown strategy, delivery or axis and for numbers out of range; the signal's
 * reason.
 */
export async function createRunner(options: RunnerOptions | Recommendation): Promise<Runner> {
  const { session, facts } = await openForRunner(options);
  const runner = new SessionRunner(session, facts);
  const { signal } = options as RunnerOptions;
  if (signal !== undefined) closeOn(signal, runner);
  return runner;
}

/** A session that a runner, or one job, has for itself. */
export interface OpenSession {
  readonly session: Session;
  readonly facts: RunnerFacts;
  /** What is done while the service of the task fails every document; absent where nothing is. */
  readonly circuit?: JobCircuit;
}

/**
 * Opens the session of a runner, or of one job.
 * @param isJob true where nothing waits for the outcome of one document
 * @throws as `createRunner` does
 */
export async function openForRunner(
  options: RunnerOptions | Recommendation,
  { isJob = false } = {},
): Promise<OpenSession> {
  checkNames(options);
  const {
    task,
    strategy: name,
    timeoutMs,
    heapMb,
    memoryMb,
    validWhen,
    signal,
    ...rest
  } = options as RunnerOptions;
  signal?.throwIfAborted();
  const limits = present({
    timeoutMs: limit('timeoutMs', timeoutMs),
    heapMb: limit('heapMb', heapMb),
    memoryMb: limit('memoryMb', memoryMb),
  });
  const others = present({
    channel: rest.channel,
    runId: rest.runId,
    limits: rest.limits,
    retry: rest.retry,
    fallback: rest.fallback,
    broker: rest.broker,
    pipeline: rest.pipeline,
  });
  const configuration = present({ configuration: rest.configuration, perWorker: rest.perWorker });
  const { strategy, workers, delivery } = await findStrategy(name, {
    ...present({ workers: rest.workers, delivery: rest.delivery }),
    ...configuration,
  });
  const kind = rest.adaptive === true ? adaptable(strategy) : null;
  const warn: Warn = rest.onWarning ?? ((message) => process.emitWarning(message, 'ForkwiseWarning'));
  const { ref, sha256, notCompiled } = await compiled(task);
  if (isRecommended(task) && task.sha256 !== sha256)
    warn(`the task "${task.file}" has changed since it was measured; measure again with \`forkwise pick\``);
  if (rest.force !== true) {
    const { refuseInFlight } = await import('./refusal.js');
    const measured = isRecommended(task) && task.sha256 === sha256 ? rest.findings : undefined;
    refuseInFlight({
      task: { name: ref.name, sha256 },
      strategy,
      workers,
      ...present({ findings: measured, perWorker: rest.perWorker, adaptive: rest.adaptive }),
    });
  }
  for (const said of notCompiled) warn(said);
  if (validWhen !== undefined) checkEnvironment(validWhen, warn);
  const workload: WorkloadRef = { ...ref, options: { ...ref.options, ...rest.options } };
  const circuit = await circuitOf(rest, warn); // checks its options before workers start
  const cache = rest.cache === undefined ? undefined : await openCache(workload, rest.cache);
  const opened = await strategy
    .open(workload, {
      ...limits,
      ...present({ cache }),
      ...configuration,
      ...others,
      workers,
      delivery,
    })
    .catch((cause: unknown) => {
      throw startError(ref, cause);
    });
  const own = circuit === null ? { session: opened } : await circuited(opened, { circuit, isJob });
  const see = validWhen === undefined ? () => {} : sizeCheck(validWhen, warn);
  const { perWorker = 1, onDecision = () => {} } = rest;
  const use = cache === undefined ? {} : { cacheUse: new CacheUse() };
  const facts = { strategy: name, workers, perWorker, delivery, see, ...use };
  if (kind === null) return { ...own, facts };
  const { AdaptiveNumber } = await import('./adaptive.js'); // this loads statistics
  const adaptive = new AdaptiveNumber(own.session, {
    ...startOf(kind, workers, perWorker),
    isHere: !isolates(strategy.isolation, 'process'),
    onDecision,
  });
  return { ...own, facts: { ...facts, adaptive } };
}

/** @throws RangeError for numbers out of range */
async function circuitOf(
  { circuit, limits, retry }: Partial<RunnerOptions>,
  warn: Warn,
): Promise<Circuit | null> {
  const isUsed = circuit === undefined ? limits !== undefined || retry !== undefined : circuit !== false;
  if (!isUsed) return null;
  const { Circuit } = await import('../services/circuit.js'); // most runners have none
  const { onDecision = warn, ...options } = circuit || {};
  return new Circuit(options, { retry, changed: onDecision });
}

async function circuited(session: Session, of: { readonly circuit: Circuit; readonly isJob: boolean }) {
  const { withCircuit } = await import('./circuit/circuit-session.js');
  return withCircuit(session, of);
}

const optionNames: { readonly [Name in keyof Required<RunnerOptions>]: 'needed' | 'optional' } = {
  task: 'needed',
  strategy: 'needed',
  workers: 'needed',
  adaptive: 'optional',
  onDecision: 'optional',
  delivery: 'optional',
  configuration: 'optional',
  perWorker: 'optional',
  timeoutMs: 'optional',
  heapMb: 'optional',
  memoryMb: 'optional',
  options: 'optional',
  channel: 'optional',
  runId: 'optional',
  limits: 'optional',
  retry: 'optional',
  fallback: 'optional',
  circuit: 'optional',
  cache: 'optional',
  broker: 'optional',
  pipeline: 'optional',
  validWhen: 'optional',
  findings: 'optional',
  force: 'optional',
  signal: 'optional',
  onWarning: 'optional',
};

/**
 * A recommendation may have further fields. A misspelt `timeoutMS`, however, would silently set no time
 * limit.
 */
function checkNames(options: object): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`expected options, or a recommendation, got ${options}`);
  const given = new Map(Object.entries(options));
  for (const [name, kind] of Object.entries(optionNames)) {
    const similar = [...given.keys()].find((key) => key !== name && key.toLowerCase() === name.toLowerCase());
    if (similar !== undefined) throw new TypeError(`unknown option "${similar}"; did you mean "${name}"?`);
    if (kind === 'needed' && given.get(name) === undefined)
      throw new TypeError(
        `expected the option "${name}", got nothing; ` +
          '`forkwise pick` measures which one is best and writes it into recommendation.json',
      );
  }
}

/** @throws RangeError when nothing adapts in the strategy */
function adaptable(strategy: Strategy): Adapts {
  const kind = adapts(strategy);
  if (kind !== null) return kind;
  throw new RangeError(
    `expected a strategy with several documents at a time on one thread for \`adaptive\`, ` +
      `and "${strategy.name}" has none: leave \`adaptive\` out, or choose another strategy`,
  );
}

function startOf(kind: Adapts, workers: number, perWorker: number) {
  return kind === 'per worker' ? { kind, start: perWorker, workers } : { kind, start: workers, workers: 1 };
}

/** The same object without properties that are undefined. */
function present<Options extends object>(
  options: Options,
): { [Key in keyof Options]?: Exclude<Options[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof present<Options>
  >;
}

function closeOn(signal: AbortSignal, runner: SessionRunner): void {
  const close = () => void runner.close();
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  runner.closed.then(() => signal.removeEventListener('abort', close));
}

/** Compiles the task, and says what its tsconfig.json asks for in vain. */
async function compiled(
  task: RunnerOptions['task'],
): Promise<TaskFile & { readonly notCompiled: readonly string[] }> {
  const { compileTask } = await import('../workloads/task-file.js'); // this loads the TypeScript compiler
  const { notHonoured } = await import('../workloads/tsconfig-limits.js');
  const file = await compileTask(isRecommended(task) ? `${task.file}#${task.export}` : task);
  return { ...file, notCompiled: notHonoured(new URL(file.ref.url)) };
}

function isRecommended(task: RunnerOptions['task']): task is RecommendedTask {
  return typeof task === 'object' && task !== null && !(task instanceof URL);
}

function limit(name: string, value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`expected ${name} to be a number above 0, or null for none, got ${value}`);
}
