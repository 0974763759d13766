import type { Delivery } from '../strategies/strategy.js';
import type { TaskFile } from '../workloads/task-file.js';
import type { WorkloadRef } from '../workloads/workload.js';
import { findStrategy } from './open-strategy.js';
import type { Recommendation, RecommendedTask, ValidWhen } from './recommendation.js';
import { type Runner, SessionRunner } from './runner.js';
import { checkEnvironment, sizeCheck, type Warn } from './validity.js';

/** A `Recommendation` is one: `createRunner(recommendation)`, or `createRunner({ ...recommendation, task: './parse.ts' })`. */
export interface RunnerOptions {
  /** The task's module, with `#name` where it is not the default export, from the folder the process is in; or a recommendation's. */
  readonly task: string | URL | RecommendedTask;
  readonly strategy: string;
  readonly workers: number;
  /** Absent: the strategy's first. */
  readonly delivery?: Delivery;
  /** As in `OpenOptions`; null is as good as absent. */
  readonly timeoutMs?: number | null;
  readonly heapMb?: number | null;
  readonly memoryMb?: number | null;
  /** What the task gets as `context.options`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Where the strategy was measured; absent: nothing is compared. */
  readonly validWhen?: ValidWhen;
  /** Closes the runner when it aborts. */
  readonly signal?: AbortSignal;
  /** Takes warnings, each once; absent: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens the very strategy that was measured, to be used by a program.
 * @throws TypeError for a task that is no path, for an option that is missing and for one that is not written as it should be; WorkloadError
 * when the task does not load; RangeError for an unknown strategy and for numbers that cannot be; the signal's reason.
 */
export async function createRunner(options: RunnerOptions | Recommendation): Promise<Runner> {
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
  const { workers: count, delivery: way } = rest;
  const limits = present({
    timeoutMs: limit('timeoutMs', timeoutMs),
    heapMb: limit('heapMb', heapMb),
    memoryMb: limit('memoryMb', memoryMb),
  });
  const { strategy, workers, delivery } = await findStrategy(
    name,
    present({ workers: count, delivery: way }),
  );
  const warn: Warn = rest.onWarning ?? ((message) => process.emitWarning(message, 'ForkwiseWarning'));
  const { ref, sha256 } = await compiled(task);
  if (isRecommended(task) && task.sha256 !== sha256)
    warn(
      `the task "${task.file}" is not as it was when it was measured; measure again with \`forkwise pick\``,
    );
  if (validWhen !== undefined) checkEnvironment(validWhen, warn);
  const workload: WorkloadRef = { ...ref, options: { ...ref.options, ...rest.options } };
  const session = await strategy.open(workload, { ...limits, workers, delivery });
  const see = validWhen === undefined ? () => {} : sizeCheck(validWhen, warn);
  const runner = new SessionRunner(session, { strategy: name, workers, delivery, see });
  if (signal !== undefined) closeOn(signal, runner);
  return runner;
}

const optionNames: { readonly [Name in keyof Required<RunnerOptions>]: 'needed' | 'optional' } = {
  task: 'needed',
  strategy: 'needed',
  workers: 'needed',
  delivery: 'optional',
  timeoutMs: 'optional',
  heapMb: 'optional',
  memoryMb: 'optional',
  options: 'optional',
  validWhen: 'optional',
  signal: 'optional',
  onWarning: 'optional',
};

/** A recommendation brings more than these, and may. But `timeoutMS` would be no time limit at all. */
function checkNames(options: object): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`expected options, or a recommendation, got ${options}`);
  const given = new Map(Object.entries(options));
  for (const [name, kind] of Object.entries(optionNames)) {
    const similar = [...given.keys()].find((key) => key !== name && key.toLowerCase() === name.toLowerCase());
    if (similar !== undefined) throw new TypeError(`unknown option "${similar}"; did you mean "${name}"?`);
    if (kind === 'needed' && given.get(name) === undefined)
      throw new TypeError(
        `expected the option "${name}", got nothing; \`forkwise pick\` finds it out, and writes it into recommendation.json`,
      );
  }
}

/** The same without what is undefined. */
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

async function compiled(task: RunnerOptions['task']): Promise<TaskFile> {
  const { compileTask } = await import('../workloads/task-file.js'); // with what compiles TypeScript
  return compileTask(isRecommended(task) ? `${task.file}#${task.export}` : task);
}

function isRecommended(task: RunnerOptions['task']): task is RecommendedTask {
  return typeof task === 'object' && task !== null && !(task instanceof URL);
}

function limit(name: string, value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`expected ${name} to be a number above 0, or null for none, got ${value}`);
}
