import { UsageError } from '../errors.js';
import type { Constraints } from '../pick/constraints.js';
import { type Demand, demandOf, openLoopMs } from '../pick/open-loop/demand.js';
import { type ConstraintFlags, constraintsOf, timeBudget } from '../pick/request.js';
import { Store } from '../tables/store.js';
import type { LoadedStrategy } from '../trials/plan.js';
import { notCounted } from '../trials/request.js';
import { parseCount, parseDuration } from '../words/parse.js';
import { newRunFolder } from './folder.js';

export interface PickFlags extends ConstraintFlags {
  task?: string;
  docs?: string;
  rate?: string;
  broker?: string;
  timeBudget: string;
  maxCalls?: string;
  out?: string;
  seed: string;
  force?: true;
  json?: true;
  /** The task gets these; only a job file has them. */
  options?: Readonly<Record<string, unknown>>;
}

export interface PickRequest {
  readonly flags: PickFlags;
  readonly task: string;
  readonly docs: string;
  readonly budgetMs: number;
  readonly constraints: Constraints;
  /** Documents arrive at this rate; null: the rate of a closed loop decides. */
  readonly demand: Demand | null;
  readonly timeoutMs: number | null;
  /** The task is called no more often than this; null: as often as the time allows. */
  readonly maxCalls: number | null;
  readonly seed: number;
  readonly folder: string;
}

/** Reads the flags, before anything is measured or written. @throws UsageError */
export function requestOf(flags: PickFlags, loaded: readonly LoadedStrategy[]): PickRequest {
  const { task, docs, timeout, rate } = flags;
  const demand = rate === undefined ? null : demandOf(rate, flags);
  const budgetMs = timeBudget(flags.timeBudget);
  if (demand !== null) openLoopMs(budgetMs);
  if (demand !== null && process.platform === 'win32')
    throw new UsageError('pick --rate needs named pipes, which Windows does not have');
  const constraints = constraintsOf(
    flags,
    loaded.map(({ strategy }) => strategy),
  );
  const request = {
    flags,
    budgetMs,
    demand,
    constraints: demand === null ? constraints : { ...constraints, latencyP99Ms: null },
    timeoutMs: timeout === undefined ? null : parseDuration(timeout, '--timeout'),
    maxCalls: maxCallsOf(flags),
    seed: parseCount(flags.seed, '--seed'),
    folder: flags.out ?? newRunFolder(),
  };
  if (task === undefined)
    throw new UsageError('pick: expected --task, the module with your task, like --task ./parse.ts');
  if (docs === undefined)
    throw new UsageError("pick: expected --docs, your documents, like --docs './samples/**'");
  Store.refuseExisting(request.folder);
  return { ...request, task, docs };
}

/** A survey with fewer calls would leave too few for a race. */
const minCalls = 400;

/** @throws UsageError where calls cannot be counted, or are too few for any race */
function maxCallsOf({ maxCalls, rate, loopDelay }: PickFlags): number | null {
  if (maxCalls === undefined) return null;
  if (rate !== undefined) throw notCounted('--rate');
  if (loopDelay !== undefined) throw notCounted('--loop-delay');
  const count = parseCount(maxCalls, '--max-calls');
  if (count < minCalls)
    throw new UsageError(
      `--max-calls: expected ${minCalls} calls or more, got ${count}; a survey and a race need about as many`,
    );
  return count;
}
