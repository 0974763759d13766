import { withoutPassword } from '../../strategies/broker/address.js';
import type { TaskFile } from '../../workloads/task-file.js';
import { readEnvironment } from '../measure/environment.js';
import { type Configuration, passMeanMs } from '../pick/configurations.js';
import type { NotMeasured } from '../pick/race/options.js';
import type { RaceTiming } from '../pick/race/timings.js';
import type { Sample } from '../pick/sample.js';
import type { Environment } from '../tables/environment.js';
import { Store } from '../tables/store.js';
import { schema } from '../tables/trial-columns.js';
import { taskRecord } from '../trials/own-task.js';
import { sourceRecord } from '../trials/plan.js';
import { stagesRecord } from '../trials/splits.js';
import { warmupRecord } from '../trials/timing.js';
import { counted, duration, number } from '../words/units.js';
import { commandLine } from './folder.js';
import type { PickRequest } from './pick-request.js';

/** What a run of `pick` writes down about itself before and after its race. */

interface Begin {
  readonly task: TaskFile;
  readonly sample: Sample;
  readonly configurations: readonly Configuration[];
  readonly timing: RaceTiming;
}

/** Makes the folder of the run and writes down where it runs. @throws UsageError if the folder is there */
export async function begin(
  { flags, seed, folder }: PickRequest,
  { task, sample: { workload, corpus, folder: costs }, configurations, timing }: Begin,
): Promise<{ readonly store: Store; readonly environment: Environment }> {
  const store = Store.create(folder);
  const environment = await readEnvironment({
    schema,
    run_id: store.runId,
    command: commandLine(),
    seed,
    profile: 'pick',
    claims: 'suggests',
    flags: { ...flags, ...(flags.broker !== undefined && { broker: withoutPassword(flags.broker) }) },
    task: taskRecord(task),
    plan: { trials_per_round: 0, rounds_least: 1, rounds_most: 0 },
    corpora: [
      {
        workload: workload.ref.name,
        corpus: corpus.name,
        ...sourceRecord(corpus),
        sha256: corpus.hash,
        ...corpus.profile,
        ...stagesRecord(corpus.stages),
        ...warmupRecord(corpus, timing.screening),
        costs: { ...costs, pass_mean_ms: passMeanMs(configurations) },
      },
    ],
  });
  writeEnvironment(store, environment);
  store.beginAppending();
  if (configurations.some(({ cell }) => cell.strategy.strategy.staged === true)) store.stages.begin();
  return { store, environment };
}

export function writeEnvironment(store: Store, environment: Environment): void {
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
}

/** The report, the recommendation and later commands read in the environment what was not measured. */
export function withNotMeasured(environment: Environment, missing: readonly NotMeasured[]): Environment {
  if (missing.length === 0) return environment;
  const not_measured = missing.map(({ configuration: { cell }, reason }) => ({
    strategy: cell.strategy.strategy.name,
    workers: cell.workers,
    delivery: cell.delivery,
    ...(cell.perWorker !== undefined && { per_worker: cell.perWorker }),
    reason,
  }));
  return { ...environment, not_measured };
}

/** One line before the race: what it measures, for how long. */
export function plannedText({
  sample: { workload, unique },
  configurations,
  budgetMs,
  cores,
  calls,
  maxCalls,
}: {
  readonly sample: Sample;
  readonly configurations: readonly Configuration[];
  readonly budgetMs: number;
  readonly cores: number;
  readonly calls: number;
  readonly maxCalls: number | null;
}): string {
  const called =
    maxCalls === null && workload.kind === 'cpu' ? '' : `, at most ${number(calls)} calls of the task`;
  const counts = `${counted(configurations.length, 'configuration')}, ${counted(unique, 'document')}`;
  const plan = `${counts}, ${duration(budgetMs)}${called}`;
  return `${workload.ref.name} (${workload.kind}): ${plan}; ${cores} effective cores`;
}
