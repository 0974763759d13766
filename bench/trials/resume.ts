import { withoutPassword } from '../../strategies/broker/address.js';
import type { StrategyEntry } from '../../strategies/strategy.js';
import { CorpusError } from '../../workloads/documents.js';
import { UsageError } from '../errors.js';
import type { Environment } from '../tables/environment.js';
import { Store } from '../tables/store.js';
import { listed } from '../words/units.js';
import {
  type LoadedStrategy,
  type PlannedStrategy,
  type PreparedWorkload,
  plannedStrategies,
} from './plan.js';
import { type BenchFlags, type BenchRequest, inputSource } from './request.js';
import { stagesFrom } from './splits.js';

/** This module continues a run exactly as it was planned, or refuses to continue it. */

/**
 * Opens a run of `forkwise bench` that is to be continued. It writes nothing.
 * @param asked the options of the command line, without the defaults
 * @throws UsageError if the run cannot be continued: `continuable` refuses it, or its `trials.csv` lacks a
 * required column
 */
export function resumable(folder: string, asked: Partial<BenchFlags>): Store {
  const store = continuable(folder, planning(asked));
  const missing = store.missingColumns();
  if (missing.length > 0)
    throw new UsageError(
      `--resume: trials.csv lacks the required ${missing.length === 1 ? 'column' : 'columns'} ` +
        `${listed(missing.map((name) => `"${name}"`))}; start a new run`,
    );
  return store;
}

/**
 * Opens the folder of a run that this process can continue as it began. It writes nothing.
 * @param asked the options that say what is measured, without the defaults
 * @throws UsageError if its options or its version of Node differ
 */
export function continuable(folder: string, asked: object): Store {
  const store = Store.open(folder);
  const { flags, node } = store.environment();
  for (const [name, value] of Object.entries(asked)) {
    if (flags[name] === value) continue;
    throw new UsageError(
      `--resume: the run was planned with ${option(name, flags[name])}, not ${option(name, value)}; ` +
        'leave the option out, or start a new run',
    );
  }
  const [major, was] = [process.versions.node, node.version].map((version) => version.split('.')[0]);
  if (major !== was)
    throw new UsageError(
      `--resume: the run was measured on Node ${was}, and this is Node ${major}, so their trials ` +
        `cannot be compared; use Node ${was}, or start a new run`,
    );
  return store;
}

/**
 * Returns the strategies of a request, or the recorded ones if the run that is continued has a record of
 * them.
 */
export function entriesOf(
  { strategies }: BenchRequest,
  {
    recorded,
    all,
  }: { readonly recorded: Environment['plan']['strategies']; readonly all: readonly StrategyEntry[] },
): readonly StrategyEntry[] {
  if (recorded === undefined) return strategies;
  return recorded.map(({ name }) => {
    const entry = all.find((each) => each.name === name);
    if (entry !== undefined) return entry;
    throw new UsageError(
      `--resume: the run measures "${name}", which this version of forkwise does not have; ` +
        'continue it with the version that started it',
    );
  });
}

/**
 * Decides what each strategy is measured with, as recorded if there is a record. Runs from before version
 * 0.2.0 have no record, so they are planned from their options.
 */
export function plannedAgain(
  loaded: readonly LoadedStrategy[],
  {
    request,
    recorded,
  }: { readonly request: BenchRequest; readonly recorded: Environment['plan']['strategies'] },
): PlannedStrategy[] {
  if (recorded === undefined) return plannedStrategies(loaded, { ...request, source: inputSource(request) });
  return recorded.flatMap(({ name, deliveries, workers }) => {
    const found = loaded.find(({ strategy }) => strategy.name === name);
    if (found === undefined) return [];
    const known = found.strategy.deliveries.filter((delivery) => deliveries.includes(delivery));
    if (known.length === deliveries.length) return [{ loaded: found, deliveries: known, workers }];
    throw new UsageError(
      `--resume: the run measures "${name}" with the deliveries ${deliveries.join(', ')}, ` +
        `but this version of it has ${found.strategy.deliveries.join(', ')}; start a new run`,
    );
  });
}

/** Makes the record of a plan that is written to `environment.json`. */
export function recordOf(
  planned: readonly PlannedStrategy[],
): NonNullable<Environment['plan']['strategies']> {
  return planned.map(({ loaded, deliveries, workers }) => ({
    name: loaded.strategy.name,
    deliveries,
    workers,
  }));
}

/**
 * Compares the plan with the run that is continued.
 * @throws UsageError if the plan has a different number of trials per round than that run
 */
export function refuseOtherPlan({ plan }: Environment, trialsPerRound: number): void {
  if (plan.trials_per_round === trialsPerRound) return;
  throw new UsageError(
    `--resume: the run was planned with ${plan.trials_per_round} trials per round, and this version ` +
      `of forkwise plans ${trialsPerRound}; start a new run, or continue it with the version that started it`,
  );
}

/**
 * Compares the documents with the documents that the run started with.
 * @throws CorpusError if they differ
 */
export function refuseOtherCorpora({ corpora }: Environment, prepared: readonly PreparedWorkload[]): void {
  for (const { ref, corpora: planned } of prepared) {
    for (const { name, hash, formerHash } of planned) {
      const was = corpora.find((entry) => entry.workload === ref.name && entry.corpus === name);
      if (was?.sha256 === hash || (was !== undefined && was.sha256 === formerHash)) continue;
      throw new CorpusError(
        `--resume: the documents of ${ref.name} ${name} differ from those at the start of the run; ` +
          'start a new run',
      );
    }
  }
}

/**
 * Puts what stages cost, and how long a task takes to warm up, as the run was planned with, in the place of
 * what is measured now, which differs a little.
 */
export function asRecorded(
  prepared: readonly PreparedWorkload[],
  { corpora }: Pick<Environment, 'corpora'>,
): PreparedWorkload[] {
  return prepared.map((workload) => ({
    ...workload,
    corpora: workload.corpora.map((corpus) => {
      const { stages, warmup } =
        corpora.find((was) => was.workload === workload.ref.name && was.corpus === corpus.name) ?? {};
      const { neededWarmupMs: _, ...rest } = corpus;
      return {
        ...rest,
        ...(stages !== undefined && { stages: stagesFrom(stages) }),
        ...(warmup !== undefined && { neededWarmupMs: warmup.needed_ms }),
      };
    }),
  }));
}

/**
 * Returns the options that shape a plan. It leaves out where results are written and how they are shown, and
 * the broker's password, because people publish their runs.
 */
export function planning(flags: Partial<BenchFlags>): Partial<BenchFlags> {
  const {
    out: _,
    resume: _resume,
    json: _json,
    png: _png,
    interactive: _interactive,
    dryRun: _dryRun,
    waitQuiet: _waitQuiet,
    budget: _budget,
    ...rest
  } = flags;
  return rest.broker === undefined ? rest : { ...rest, broker: withoutPassword(rest.broker) };
}

function option(name: string, value: unknown): string {
  const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return value === undefined ? `no ${flag}` : `${flag} ${value}`;
}
