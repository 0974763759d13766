import { join } from 'node:path';
import { strategies } from '../../strategies/index.js';
import { workloads } from '../../workloads/index.js';
import { exitCode } from '../errors.js';
import { effectiveCores } from '../measure/cores.js';
import { type Environment, readEnvironment } from '../measure/environment.js';
import { type Cell, chooseTwins, type LoadedStrategy, type PreparedWorkload, planCells, type Timing } from '../plan.js';
import { loadStrategies, prepare } from '../prepare.js';
import { consoleReport } from '../report/console.js';
import { environmentLine } from '../report/markdown.js';
import { progressOn } from '../report/progress.js';
import { type BenchFlags, type BenchRequest, benchRequest } from '../request.js';
import { schema } from '../results/columns.js';
import { Store } from '../results/store.js';
import { estimateRunMs, type Progress, runRounds } from '../run.js';
import { colorsFor, note, print } from '../terminal.js';
import { runTrial } from '../trial.js';
import { duration, listed, size } from '../units.js';
import { sentencesByWorkload } from '../verdict/sentences.js';
import { Wards } from '../wards.js';
import { type Published, publish } from './publish.js';

/** `forkwise bench`: plans, measures, and leaves a run's folder. @returns the exit code. */
export async function bench(flags: BenchFlags): Promise<number> {
  const request = benchRequest(flags, { workloads, strategies });
  const folder = flags.out ?? newRunFolder();
  Store.refuseExisting(folder);
  const wards = new Wards();
  const progress = progressOn(process.stderr);
  const stop = stopOnSignals(wards, progress);
  try {
    const baseline = strategies[0]?.url as string; // sequential stands first
    const { workloads: prepared, services } = await prepare(wards, request, {
      baseline,
      say: (step) => note(colorsFor(process.stderr).dim(step)),
    });
    const loaded = await loadStrategies(request.strategies.map(({ url }) => url));
    const cells = planCells({ workloads: prepared, strategies: loaded, workers: request.workers });
    const { timeMs, warmupMs } = request.profile;
    const plan: Plan = {
      request,
      prepared,
      loaded,
      cells,
      twins: chooseTwins(cells),
      timing: { timeMs, warmupMs },
      cores: effectiveCores().effective,
    };
    if (flags.dryRun) {
      print(flags.json ? `${JSON.stringify(planData(plan), null, 2)}\n` : describePlan(plan));
      return exitCode.ok;
    }
    note(describePlan(plan));
    return await measure(plan, { wards, services, folder, progress, signal: stop, json: flags.json === true, command: commandLine() });
  } finally {
    wards.end();
  }
}

interface Plan {
  readonly request: BenchRequest;
  readonly prepared: readonly PreparedWorkload[];
  readonly loaded: readonly LoadedStrategy[];
  readonly cells: readonly Cell[];
  readonly twins: readonly Cell[];
  readonly timing: Timing;
  readonly cores: number;
}

interface MeasureOptions {
  readonly wards: Wards;
  readonly services: readonly number[];
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly command: string;
}

async function measure(plan: Plan, { wards, services, folder, progress, signal, json, command }: MeasureOptions): Promise<number> {
  const { request, prepared, cells, twins, timing, cores } = plan;
  const store = Store.create(folder);
  const corpora = prepared.flatMap(({ ref, corpora }) =>
    corpora.map(({ name, hash, profile }) => ({ workload: ref.name, corpus: name, sha256: hash, ...profile })),
  );
  const { seed, rounds, profile } = request;
  const environment = await readEnvironment({ schema, run_id: store.runId, command, seed, profile: profile.name, corpora });
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
  const complete = await runRounds({
    runId: store.runId,
    cells,
    twins,
    rounds,
    seed,
    timing,
    cores,
    measure: (cell, place) => runTrial(wards, cell, { place, timing, cores, suite: [process.pid, ...services] }),
    keep: (trial) => store.append(trial),
    progress,
    signal,
  });
  store.close();
  const all = await loadStrategies(strategies.map(({ url }) => url));
  const published = await publish(store, { environment, strategies: all.map(({ strategy }) => strategy), complete });
  print(json ? `${JSON.stringify(resultData(store, published, complete), null, 2)}\n` : resultText(store, environment, published));
  if (!complete) note(`interrupted: what was measured until then is in ${store.folder}`);
  return exitOf(published, complete);
}

function exitOf({ trials }: Published, complete: boolean): number {
  if (!complete) return exitCode.interrupted;
  return trials.length > 0 && trials.every(({ status }) => status === 'ok') ? exitCode.ok : exitCode.failed;
}

function resultText(store: Store, environment: Environment, { trials, conclusions }: Published): string {
  const colors = colorsFor(process.stdout);
  const failed = trials.filter(({ status }) => status === 'failed');
  return [
    '',
    consoleReport(conclusions, colors),
    ...failed
      .slice(0, 5)
      .map(({ workload, corpus, strategy, workers, reason }) =>
        colors.red(`failed: ${workload} ${corpus} ${strategy} × ${workers}: ${reason}`),
      ),
    failed.length > 5 ? colors.red(`… and ${failed.length - 5} more trials failed; see trials.csv`) : null,
    colors.dim(environmentLine(environment)),
    `Results, charts and report.md are in ${store.folder}`,
    '',
  ]
    .filter((line) => line !== null)
    .join('\n');
}

function resultData(store: Store, { summaries, conclusions }: Published, complete: boolean) {
  return {
    run_id: store.runId,
    folder: store.folder,
    complete,
    conclusions: conclusions.map(({ workload, corpus, choice, fastest, tied }) => ({
      workload,
      corpus,
      choice,
      fastest,
      tied: tied.map(({ strategy, workers }) => ({ strategy, workers })),
    })),
    sentences: sentencesByWorkload(conclusions).flat(),
    summaries,
  };
}

function planData(plan: Plan) {
  const { request, prepared, cells, twins } = plan;
  return {
    profile: request.profile.name,
    rounds: request.rounds,
    seed: request.seed,
    trials: (cells.length + twins.length) * request.rounds,
    estimate_ms: Math.round(estimateRunMs({ ...plan, rounds: request.rounds })),
    corpora: prepared.flatMap(({ ref, corpora }) => corpora.map(({ name, profile }) => ({ workload: ref.name, corpus: name, ...profile }))),
    cells: cells.map(({ workload, corpus, strategy, workers, delivery }) => ({
      workload: workload.ref.name,
      corpus: corpus.name,
      strategy: strategy.strategy.name,
      workers,
      delivery,
    })),
  };
}

function describePlan(plan: Plan): string {
  const { request, prepared, loaded, cells, twins, cores } = plan;
  const corpora = prepared.map(({ ref, kind, corpora }) => {
    const parts = corpora.map(({ name, documents, bytes }) => `${name} (${documents} documents, ${size(bytes)})`);
    return `  ${ref.name} (${kind}) on ${listed(parts)}`;
  });
  const names = loaded.map(({ strategy }) => strategy.name);
  return [
    `Plan: profile ${request.profile.name}, (${cells.length} cells + ${twins.length} A/A) × ${request.rounds} ${request.rounds === 1 ? 'round' : 'rounds'} = ${(cells.length + twins.length) * request.rounds} trials, seed ${request.seed}`,
    ...corpora,
    `  ${names.join(', ')} at ${request.workers.join(', ')} workers; ${cores} effective cores`,
    `  about ${duration(estimateRunMs({ ...plan, rounds: request.rounds }))}`,
    '',
  ].join('\n');
}

/**
 * The first Ctrl-C lets the trial under way finish and is told to `runRounds` by the signal; the second, and SIGTERM
 * and SIGHUP at once, end every process of the run.
 */
function stopOnSignals(wards: Wards, progress: Progress): AbortSignal {
  const stop = new AbortController();
  const now = () => {
    progress.stop();
    wards.end();
    process.exit(exitCode.interrupted);
  };
  process.on('SIGINT', () => {
    if (stop.signal.aborted) return now();
    stop.abort();
    progress.say('finishing the trial that is under way; Ctrl-C again ends it at once');
  });
  process.on('SIGTERM', now);
  process.on('SIGHUP', now);
  return stop.signal;
}

function newRunFolder(): string {
  return join('results', new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
}

/** As a shell takes it. */
function commandLine(): string {
  const quoted = process.argv.slice(2).map((word) => (/^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return ['forkwise', ...quoted].join(' ');
}
