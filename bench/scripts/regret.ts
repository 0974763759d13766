import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Recommendation } from '../../runner/recommendation.js';
import { strategies } from '../../strategies/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { compileTask } from '../../workloads/task-file.js';
import { note } from '../cli/terminal.js';
import { readEnvironment } from '../measure/environment.js';
import { type Configuration, configurationsOf, final } from '../pick/configurations.js';
import { unconstrained } from '../pick/constraints.js';
import { takeSample } from '../pick/sample.js';
import { type RegretRow, regretTable } from '../regret/columns.js';
import { moduleOf, type RegretTask, tasks, writeDocuments } from '../regret/tasks.js';
import { progressOn } from '../report/progress.js';
import { geometricInterval, mean } from '../stats/estimate.js';
import { paired } from '../stats/paired.js';
import { isOk, schema, type TrialRow } from '../tables/columns.js';
import { decode, encodeHeader, encodeRows } from '../tables/csv.js';
import { Store } from '../tables/store.js';
import { pairedLogRatios } from '../tables/summarise.js';
import { Wards } from '../trials/helper-processes.js';
import { baselineOf } from '../trials/plan.js';
import { loadStrategies } from '../trials/prepare.js';
import { runRounds } from '../trials/rounds.js';
import { runTrial } from '../trials/trial.js';
import { configurationName } from '../verdict/configurations.js';

/**
 * * `npm run regret`: how well `pick` chooses. For each task, `pick` with a minute, and an exhaustive run of
 * every configuration that `pick` knows; regret is read from that run alone. Goes on where it was
 * interrupted.
 */
const rounds = 8;
const budget = '60s';
const seed = 1;
const folder = 'results/regret';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const table = join(folder, 'regret.csv');
const done: RegretRow[] = existsSync(table) ? decode(regretTable, readFileSync(table, 'utf8')) : [];
mkdirSync(folder, { recursive: true });
for (const task of tasks) {
  if (done.some((row) => row.task === task.name)) continue;
  done.push(await regretOf(task));
  writeFileSync(table, encodeHeader(regretTable) + encodeRows(regretTable, done));
  const { choice, best, regret } = done.at(-1) as RegretRow;
  note(`${task.name}: chose ${choice}, best ${best}, regret ${(100 * regret).toFixed(1)} %`);
}

async function regretOf(task: RegretTask): Promise<RegretRow> {
  const docs = join(folder, `${task.name}-documents`);
  writeDocuments(task, docs);
  const chosen = await picked(task, docs);
  const { trials, arms, kind, seconds } = await exhaustive(task, docs);
  rmSync(docs, { recursive: true });
  const rate = (name: string) =>
    geometricInterval(of(trials, name).map((trial) => trial.documents_per_second)).mean;
  const choice = configurationName(chosen);
  if (of(trials, choice).length === 0) throw new Error(`${task.name}: the exhaustive run has no ${choice}`);
  const names = arms.map(nameOf).filter((name) => of(trials, name).length > 0);
  const best = names.reduce((a, b) => (rate(b) > rate(a) ? b : a));
  const ratios = pairedLogRatios(of(trials, choice), of(trials, best));
  return {
    ...{ task: task.name, kind, arms: arms.length, rounds, choice, best },
    ...{ choice_rate: rate(choice), best_rate: rate(best), sequential_rate: rate('sequential 1 none') },
    regret: 1 - Math.exp(mean(ratios)),
    regret_high: choice === best ? 0 : 1 - Math.exp(paired(ratios).low),
    pick_seconds: (chosen.effort as { usedMs: number }).usedMs / 1000,
    exhaustive_seconds: seconds,
    promised_low: chosen.expected.low,
    promised_high: chosen.expected.high,
  };
}

function nameOf({ cell }: Configuration): string {
  return configurationName({
    strategy: cell.strategy.strategy.name,
    workers: cell.workers,
    delivery: cell.delivery,
  });
}

function of(trials: readonly TrialRow[], name: string) {
  return trials.filter(isOk).filter((trial) => configurationName(trial) === name);
}

/** What a user gets, by the command that a user gives. */
async function picked(task: RegretTask, docs: string): Promise<Recommendation> {
  const out = join(folder, `${task.name}-pick`);
  const path = join(out, 'recommendation.json');
  if (!existsSync(path)) {
    rmSync(out, { recursive: true, force: true });
    const options = [
      'pick',
      '--task',
      fileURLToPath(moduleOf(task)),
      '--docs',
      docs,
      '--time-budget',
      budget,
      '--out',
      out,
    ];
    await promisify(execFile)(process.execPath, [cli, ...options], { maxBuffer: 2 ** 24 });
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Recommendation;
}

/**
 * Every configuration in every round, and more numbers of workers than `pick` may come to, whatever it
 * measures of a document.
 */
async function exhaustive(task: RegretTask, docs: string) {
  const wards = new Wards();
  const progress = progressOn(process.stderr);
  try {
    const cores = effectiveCores().effective;
    const loaded = await loadStrategies(strategies.map(({ url }) => url));
    const compiled = await compileTask(moduleOf(task));
    const { workload, corpus, cost } = await takeSample(wards, {
      ...{ task: compiled.ref, docs, seed, strategies: loaded, cores, budgetMs: 60_000, say: note },
      baseline: baselineOf(loaded),
    });
    const finer = { ...cost, cpuMs: cost.cpuMs / 2, loopMs: cost.loopMs / 2 };
    const arms = configurationsOf({
      ...{ workload, corpus, strategies: loaded, cores },
      cost: finer,
      ...unconstrained,
    });
    const path = join(folder, task.name);
    const store = existsSync(join(path, 'environment.json'))
      ? Store.open(path)
      : await begun(path, { task, corpus, arms });
    const finished = store.trials();
    store.beginAppending();
    const startedMs = performance.now();
    await runRounds({
      ...{
        runId: store.runId,
        cells: arms.map(({ cell }) => cell),
        twins: [],
        rounds: { least: rounds, most: rounds },
        budgetMs: null,
      },
      ...{
        finished,
        enough: () => ({ stop: false, unmet: [] }),
        seed,
        timing: final,
        cores,
        progress,
        signal: new AbortController().signal,
      },
      measure: (cell, place) => runTrial(wards, cell, { place, timing: final, cores, suite: [process.pid] }),
      keep: (trial) => store.append(trial),
    });
    store.close();
    const measured = store.trials();
    const share = measured.length / Math.max(1, measured.length - finished.length); // what an interrupted part took is reckoned
    const seconds = (share * (performance.now() - startedMs)) / 1000;
    return { trials: measured, arms, kind: workload.kind, seconds };
  } finally {
    wards.end();
  }
}

type Begin = {
  readonly task: RegretTask;
  readonly arms: readonly Configuration[];
  readonly corpus: Configuration['cell']['corpus'];
};

async function begun(path: string, { task, arms, corpus }: Begin): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true });
  const store = Store.create(path);
  const environment = await readEnvironment({
    ...{
      schema,
      run_id: store.runId,
      command: 'npm run regret',
      seed,
      profile: 'regret',
      claims: 'suggests',
      flags: {},
    },
    plan: { trials_per_round: arms.length, rounds_least: rounds, rounds_most: rounds },
    corpora: [{ workload: task.name, corpus: corpus.name, sha256: corpus.hash, ...corpus.profile }],
  });
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
  return store;
}
