import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { compileTask } from '../../workloads/task-file.js';
import { note } from '../cli/terminal.js';
import { readEnvironment } from '../measure/environment.js';
import { type Configuration, configurationsOf, nameOf } from '../pick/configurations.js';
import { unconstrained } from '../pick/constraints.js';
import { type Sample, type SampleRecord, takeSample } from '../pick/sample.js';
import { progressOn } from '../report/progress.js';
import { Store } from '../tables/store.js';
import { schema, type TrialRow } from '../tables/trial-columns.js';
import { HelperProcesses } from '../trials/helper-processes.js';
import { baselineOf, type LoadedStrategy, sourceRecord } from '../trials/plan.js';
import { runRounds } from '../trials/rounds.js';
import type { Timing } from '../trials/timing.js';
import { runTrial } from '../trials/trial.js';
import { moduleOf, type RegretTask } from './tasks.js';

/** A run of every configuration that `pick` knows, in every round: what advice is judged by. */
export interface ExhaustiveOptions {
  readonly task: RegretTask;
  readonly docs: string;
  /** The folder of the run; an interrupted run is continued. */
  readonly folder: string;
  readonly rounds: number;
  readonly timing: Timing;
  readonly loaded: readonly LoadedStrategy[];
  readonly seed: number;
}

export interface Exhaustive {
  readonly trials: readonly TrialRow[];
  readonly kind: string;
  readonly configurations: number;
  readonly seconds: number;
}

/** Time that a block of all configurations may take: tasks that wait get fewer documents for few workers. */
const blockMs = 60_000;
/** Time for the survey of the documents, as `pick` has it with a budget of this much. */
const surveyBudgetMs = 60_000;

export async function exhaustive(options: ExhaustiveOptions): Promise<Exhaustive> {
  const { folder, rounds, timing, seed } = options;
  const done = finished(folder, rounds);
  if (done !== null) return done;
  const helpers = new HelperProcesses();
  try {
    const cores = effectiveCores().effective;
    const { sample, configurations } = await planned(helpers, options, cores);
    const store = existsSync(join(folder, 'environment.json'))
      ? Store.open(folder)
      : await begin(options, { sample, configurations });
    const before = store.trials();
    store.beginAppending();
    const startedMs = performance.now();
    await runRounds({
      runId: store.runId,
      cells: configurations.map(({ cell }) => cell),
      twins: [],
      rounds: { min: rounds, max: rounds },
      budgetMs: null,
      maxAttempts: 3,
      finished: before,
      enough: () => ({ stop: false, unmet: [] }),
      seed,
      timing,
      cores,
      progress: progressOn(process.stderr, { baseline: baselineOf(options.loaded).strategy.name }),
      signal: new AbortController().signal,
      measure: (cell, place) => runTrial(helpers, cell, { place, timing, cores, suite: [process.pid] }),
      keep: (trial) => store.append(trial),
    });
    store.close();
    const trials = store.trials();
    // The part before an interruption counts as if it had taken as long per trial as the rest.
    const share = trials.length / Math.max(1, trials.length - before.length);
    const seconds = (share * (performance.now() - startedMs)) / 1000;
    const result = { kind: sample.workload.kind, configurations: configurations.length, seconds };
    writeFileSync(resultPath(folder), JSON.stringify({ ...result, rounds }));
    return { ...result, trials };
  } finally {
    helpers.end();
  }
}

/** @returns the run if it has been measured to its end; null otherwise */
function finished(folder: string, rounds: number): Exhaustive | null {
  if (!existsSync(resultPath(folder))) return null;
  const found = JSON.parse(readFileSync(resultPath(folder), 'utf8')) as Exhaustive & { rounds: number };
  return found.rounds === rounds ? { ...found, trials: Store.open(folder).trials() } : null;
}

/**
 * The configurations to measure. Costs differ each time they are measured, so the first part of a run
 * writes down what the plan follows from, and a later part takes it from there.
 */
async function planned(
  helpers: HelperProcesses,
  { task, docs, folder, loaded, seed }: ExhaustiveOptions,
  cores: number,
): Promise<{ readonly sample: Sample; readonly configurations: readonly Configuration[] }> {
  const path = join(dirname(folder), `${task.name}-sample.json`);
  const earlier = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SampleRecord) : null;
  const { ref } = await compileTask(moduleOf(task));
  const sample = await takeSample(helpers, {
    task: ref,
    docs,
    seed,
    strategies: loaded,
    baseline: baselineOf(loaded),
    cores,
    budgetMs: surveyBudgetMs,
    say: note,
    ...(earlier !== null && { earlier }),
  });
  mkdirSync(dirname(folder), { recursive: true });
  if (earlier === null) {
    rmSync(folder, { recursive: true, force: true });
    writeFileSync(path, JSON.stringify(sample.record));
  }
  // A smaller share of computing makes the plan try more numbers of workers than any pick does.
  const { cost } = sample;
  const finer = { ...cost, cpuMs: cost.cpuMs / 2, loopMs: cost.loopMs / 2 };
  const planned = [finer, cost].flatMap((cost) =>
    configurationsOf({
      workload: sample.workload,
      corpus: sample.corpus,
      cost,
      strategies: loaded,
      cores,
      blockMs,
      ...unconstrained,
    }),
  );
  // Both plans have most configurations. A pick chooses among those of the second.
  const byName = new Map(planned.map((one) => [nameOf(one), one]));
  return { sample, configurations: [...byName.values()] };
}

async function begin(
  { task, folder, rounds, seed }: ExhaustiveOptions,
  { sample, configurations }: { readonly sample: Sample; readonly configurations: readonly Configuration[] },
): Promise<Store> {
  const { corpus } = sample;
  const store = Store.create(folder);
  const environment = await readEnvironment({
    schema,
    run_id: store.runId,
    command: 'npm run regret',
    seed,
    profile: 'regret',
    claims: 'suggests',
    flags: {},
    plan: { trials_per_round: configurations.length, rounds_least: rounds, rounds_most: rounds },
    corpora: [
      {
        workload: task.name,
        corpus: corpus.name,
        ...sourceRecord(corpus),
        sha256: corpus.hash,
        ...corpus.profile,
      },
    ],
  });
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
  return store;
}

/** Exists once a run has been measured to its end. */
function resultPath(folder: string): string {
  return `${folder}-done.json`;
}
