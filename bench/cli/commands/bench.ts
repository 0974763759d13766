import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { workloads } from '../../../workloads/index.js';
import { runArrivalTrial } from '../../arrivals/arrival-trial.js';
import { measureArrivals } from '../../arrivals/measure.js';
import { exitCode, UsageError } from '../../errors.js';
import { roundsWithin } from '../../measure/calls.js';
import { watchNoise } from '../../measure/noise.js';
import { files } from '../../measure/proc.js';
import { waitForQuiet } from '../../measure/quiet.js';
import { type Plan, planData, planText, trialsPerRound } from '../../report/plan.js';
import { progressOn } from '../../report/progress.js';
import { resultData, resultText } from '../../report/result.js';
import { Store } from '../../tables/store.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { compileOwn } from '../../trials/own-task.js';
import { baselineOf, cellsOf, chooseTwins } from '../../trials/plan.js';
import { loadStrategies, prepare } from '../../trials/prepare.js';
import { type BenchFlags, benchRequest } from '../../trials/request.js';
import {
  asRecorded,
  entriesOf,
  plannedAgain,
  refuseOtherCorpora,
  refuseOtherPlan,
  resumable,
} from '../../trials/resume.js';
import { estimateRoundMs, type Progress, recordedTiming, runRounds, timingOf } from '../../trials/rounds.js';
import { runTrial } from '../../trials/trial.js';
import { enough } from '../../verdict/stop.js';
import { arrivalLine, limitLine } from '../../words/arrivals.js';
import { refusedText, serviceLimitText } from '../../words/service-limits.js';
import { duration, number } from '../../words/units.js';
import { isMeant, refuseUnstaged, withAgentsThere, withoutMixing } from '../bench-cells.js';
import { begin } from '../bench-record.js';
import { newRunFolder, quoted } from '../folder.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

/**
 * `forkwise bench` plans, measures, and leaves a run's folder. With `--resume` it continues a run.
 * @param asked the options that the command line gives, without the defaults
 * @returns the exit code
 */
export async function bench(flags: BenchFlags, asked: Partial<BenchFlags>): Promise<number> {
  const earlier = flags.resume === undefined ? null : resumable(flags.resume, asked);
  const settled =
    earlier === null
      ? flags
      : {
          ...flags,
          ...(earlier.environment().flags as Partial<BenchFlags>),
          ...(flags.broker !== undefined && { broker: flags.broker }), // the record has no password
        };
  const asPlanned = benchRequest(settled, { workloads, strategies, peers });
  const folder = flags.out ?? newRunFolder();
  if (earlier === null) Store.refuseExisting(folder);
  const recorded = earlier?.environment().plan.strategies;
  const all = [...strategies, ...peers];
  const entries = entriesOf(asPlanned, { recorded, all });
  const request = await compileOwn(asPlanned);
  const helpers = new HelperProcesses();
  const progress = progressOn(process.stderr, { baseline: strategies[0]?.name ?? '' });
  let measuring = false;
  const signals = handleSignals({
    orderly() {
      // Before the first trial there is nothing to finish and nothing to keep.
      if (measuring) progress.say('finishing the trial that is under way; Ctrl-C again ends it at once');
      return measuring;
    },
    atOnce() {
      progress.stop();
      helpers.end();
    },
  });
  try {
    const { url: baseline } = baselineOf(await loadStrategies(strategies.map(({ url }) => url)));
    const chosen = await loadStrategies(entries.map(({ url }) => url));
    const { workloads: found, services } = await prepare(helpers, request, {
      baseline,
      say: (step) => note(colorsFor(process.stderr).dim(step)),
    });
    const prepared = earlier === null ? found : asRecorded(found, earlier.environment());
    const loaded = recorded === undefined ? chosen.filter(isMeant(settled.strategies, prepared)) : chosen;
    refuseUnstaged(request, { prepared, loaded });
    const planned = await withAgentsThere(plannedAgain(loaded, { request, recorded }), {
      broker: recorded === undefined ? request.broker : null, // the record has their workers
      prepared,
    });
    const { force = false } = settled;
    const cores = effectiveCores().effective;
    const { rttsMs, broker, perWorker, stages: fixed } = request;
    const cells = await withoutMixing(
      cellsOf(prepared, planned, { rttsMs, broker, perWorker, fixed, cores }),
      {
        helpers,
        request,
        prepared,
        force,
      },
    );
    const twins = chooseTwins(cells);
    const { profile } = request;
    const { maxCalls } = request;
    const timing = {
      ...(earlier === null
        ? timingOf(profile, { cells, twins, rounds: request.rounds.max, cores })
        : recordedTiming(earlier.environment(), profile)),
      ...(maxCalls !== null && { countsCalls: true }),
    };
    const counted = { prepared, cells, twins, timing, cores };
    const plan: Plan = {
      request: { ...request, rounds: roundsWithin(counted, { rounds: request.rounds, maxCalls }) },
      prepared,
      loaded,
      planned,
      cells,
      twins,
      timing,
      cores,
    };
    if (flags.dryRun) {
      print(flags.json ? `${JSON.stringify(planData(plan), null, 2)}\n` : planText(plan));
      return exitCode.ok;
    }
    refuseShortBudget(plan);
    note(planText(plan));
    measuring = true;
    if (earlier !== null) {
      refuseOtherPlan(earlier.environment(), trialsPerRound(plan));
      refuseOtherCorpora(earlier.environment(), plan.prepared);
    }
    const store = earlier ?? (await begin(plan, { folder, flags: asked }));
    const { json = false, png = false, interactive } = flags;
    const { signal } = signals;
    if (request.waitQuietMs !== null) await waitedForQuiet(request.waitQuietMs, { services, signal });
    return await measure(plan, store, { helpers, services, progress, signal, json, png, interactive });
  } finally {
    signals.end();
    helpers.end();
  }
}

/** Waits for a quiet machine, and says so. A machine that stays busy is measured all the same, and marked. */
async function waitedForQuiet(
  maxMs: number,
  { services, signal }: { readonly services: readonly number[]; readonly signal: AbortSignal },
): Promise<void> {
  note('waiting until other processes leave the machine alone');
  const { quiet, waitedMs, othersPercent } = await waitForQuiet({
    maxMs,
    signal,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    watch: () => {
      const noiseSince = watchNoise({ files, root: process.pid, suite: services });
      return () => noiseSince().othersPercent;
    },
  });
  if (quiet || signal.aborted) return;
  const share = othersPercent === null ? 'an unknown share' : `${number(othersPercent)} %`;
  note(`others still take ${share} of the machine after ${duration(waitedMs)}; the run begins all the same`);
}

interface MeasureOptions {
  readonly helpers: HelperProcesses;
  readonly services: readonly number[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly png: boolean;
  readonly interactive: boolean | undefined;
}

async function measure(plan: Plan, store: Store, options: MeasureOptions): Promise<number> {
  const { helpers, services, progress, signal, json, png, interactive } = options;
  const { request, loaded, cells, twins, timing, cores } = plan;
  const baseline = loaded.find(({ strategy }) => strategy.baseline)?.strategy.name ?? '';
  const finished = store.trials();
  store.beginAppending();
  if (cells.some(({ strategy }) => strategy.strategy.staged === true)) store.stages.begin();
  const { complete, unmet } = await runRounds({
    runId: store.runId,
    cells,
    twins,
    rounds: request.rounds,
    // A trial that is repeated calls the task again.
    maxAttempts: request.maxCalls === null ? request.profile.maxAttempts : 1,
    budgetMs: request.budgetMs,
    finished,
    enough: (round) => enough(store.trials(), { round, baseline }),
    seed: request.seed,
    timing,
    cores,
    measure: (cell, place) =>
      runTrial(helpers, cell, {
        place,
        timing,
        cores,
        suite: [process.pid, ...services],
        keepStage: (row) => store.stages.append(row),
      }),
    keep: (trial) => store.append(trial),
    progress,
    signal,
  });
  const ended = complete && (await openLoops(plan, store, options));
  store.close();
  // Charts and reports take 0.1 s to load, which a refused command and a dry run do not need.
  const { exitCodeOf, publish } = await import('../publish.js');
  const found = await publish(store, { png, interactive });
  print(
    json
      ? `${JSON.stringify(resultData(found, store.folder), null, 2)}\n`
      : resultText(found, {
          folder: store.folder,
          colors: colorsFor(process.stdout),
          columns: process.stdout.columns,
        }),
  );
  const underLimits = serviceLimitText(store.trials(), request.llm.limits);
  if (underLimits !== null && !json) print(underLimits);
  const refused = request.llm.limits.length > 0 ? null : refusedText(store.trials());
  if (refused !== null) note(refused);
  for (const criterion of unmet) note(`not reached: ${criterion}`);
  if (ended) return exitCodeOf(found);
  note(
    'interrupted; the trials so far are kept. Continue with:\n' +
      `  forkwise bench --resume ${quoted(store.folder)}`,
  );
  return exitCode.interrupted;
}

/** Measures open loops where they were asked for. @returns false if the signal ended them */
async function openLoops(
  { request, cells }: Plan,
  store: Store,
  { helpers, services, signal }: MeasureOptions,
): Promise<boolean> {
  const { arrivals } = request;
  if (arrivals === null) return true;
  store.arrivals.begin();
  if (arrivals.slo !== null) store.limits.begin();
  return measureArrivals({
    runId: store.runId,
    request: arrivals,
    cells,
    trials: store.trials(),
    seed: request.seed,
    finished: store.arrivals.rows(),
    finishedSearches: store.limits.rows(),
    measure: (cell, place) =>
      runArrivalTrial(helpers, cell, { ...place, runId: store.runId, suite: [process.pid, ...services] }),
    keep: (row) => {
      store.arrivals.append(row);
      note(arrivalLine(row));
    },
    keepSearch: (row) => {
      store.limits.append(row);
      note(limitLine(row));
    },
    say: note,
    signal,
  });
}

/** @throws UsageError if not a single round would fit */
function refuseShortBudget(plan: Plan): void {
  const { budgetMs } = plan.request;
  const roundMs = estimateRoundMs(plan);
  if (budgetMs === null || budgetMs >= roundMs) return;
  throw new UsageError(
    `--budget: one round takes about ${duration(roundMs)}, more than ${duration(budgetMs)}; ` +
      'give it more time, or fewer workloads, sizes, strategies or workers',
  );
}
