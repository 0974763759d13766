import { join } from 'node:path';
import { withoutPassword } from '../../../strategies/broker/address.js';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { compileTask, type TaskFile } from '../../../workloads/task-file.js';
import { urlsOf } from '../../check/examine.js';
import { inFlightFinding, isInFlight, mixingText } from '../../check/known.js';
import { exitCode, UnfitError, UsageError } from '../../errors.js';
import { readEnvironment } from '../../measure/environment.js';
import {
  type AgentsThere,
  type Configuration,
  configurationsOf,
  final,
  once,
  passMeanMs,
  screening,
  splitsOf,
} from '../../pick/configurations.js';
import type { Constraints } from '../../pick/constraints.js';
import { decide, eligibleCells } from '../../pick/decide.js';
import { type Demand, demandOf, openLoopMs, scheduleMs } from '../../pick/open-loop/demand.js';
import { raceCallsOf } from '../../pick/race/calls.js';
import type { NotMeasured, RaceTiming } from '../../pick/race/options.js';
import { race } from '../../pick/race/race.js';
import { type ConstraintFlags, constraintsOf, timeBudget } from '../../pick/request.js';
import { Responsiveness } from '../../pick/responsiveness.js';
import { type Sample, takeSample } from '../../pick/sample.js';
import { chosenFrom, decisionText, writeDecision } from '../../pick/write.js';
import { pickProgressOn } from '../../report/pick-progress.js';
import { schema } from '../../tables/columns.js';
import { encodeHeader, encodeRows } from '../../tables/csv.js';
import type { Environment } from '../../tables/environment.js';
import { responsivenessTable } from '../../tables/responsiveness-columns.js';
import { Store } from '../../tables/store.js';
import { ownBroker } from '../../tables/summarise.js';
import { workersThere } from '../../trials/agents-there.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { taskRecord } from '../../trials/own-task.js';
import { baselineOf, defaultDelivery, type LoadedStrategy, sourceRecord } from '../../trials/plan.js';
import { loadStrategies } from '../../trials/prepare.js';
import { stagesRecord } from '../../trials/splits.js';
import { runTrial } from '../../trials/trial.js';
import { configurationName } from '../../verdict/configurations.js';
import { findings } from '../../verdict/findings.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { refusedText } from '../../words/service-limits.js';
import { splitsText } from '../../words/splits.js';
import { duration, number } from '../../words/units.js';
import { commandLine, newRunFolder } from '../folder.js';
import { hasOpenLoop, openLoops } from '../open-loops.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

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

/** Share of the budget that the first block may take. */
const blockShare = 0.4;
/** Time for the work after the last trial: tables, charts and report. */
const reportMs = 3000;

/**
 * `forkwise pick`: races all strategies on the user's own task and documents within a time budget, and says
 * which to use.
 * @returns the exit code: 3 if no configuration keeps the constraints, 130 if it was interrupted
 */
export async function pick(flags: PickFlags): Promise<number> {
  const startedMs = performance.now();
  const listed = await loadStrategies(strategies.map(({ url }) => url));
  const loaded = listed.filter(
    ({ strategy: { measured, isolation } }) =>
      measured !== 'when named' || (isolation === 'machine' && flags.broker !== undefined),
  );
  const request = requestOf(flags, loaded);
  const { budgetMs, constraints, seed, demand, maxCalls } = request;
  const task = await compileTask(request.task, flags.options);
  const helpers = new HelperProcesses();
  const progress = pickProgressOn(process.stderr, budgetMs - reportMs);
  const signals = handleSignals({
    orderly() {
      progress.say('ending with what is known by now; Ctrl-C again ends it at once');
      return true;
    },
    atOnce() {
      progress.stop();
      helpers.end();
    },
  });
  try {
    const cores = effectiveCores().effective;
    const baseline = baselineOf(loaded);
    const there = await agentsThere(loaded, { broker: flags.broker, task });
    const sample = await takeSample(helpers, {
      task: task.ref,
      docs: request.docs,
      seed,
      strategies: loaded,
      baseline,
      cores,
      budgetMs,
      maxCalls,
      say: (step) => note(colorsFor(process.stderr).dim(step)),
    });
    if (demand !== null && sample.folder.remembers)
      throw new UnfitError(
        'pick --rate: expected a task that does its work for every document, but this one remembers ' +
          'results; open loops give documents several times',
      );
    const { corpus, unique } = sample;
    const lab = { helpers, task: task.ref, strategies: urlsOf(loaded) };
    const inFlight = await inFlightFinding(lab, {
      ...corpus,
      sha256: task.sha256,
      corpus: corpus.file,
      documents: unique,
    });
    const raceMs = budgetMs - reportMs - (demand === null ? 0 : openLoopMs(budgetMs));
    const field = { ...sample, ...constraints, strategies: loaded, cores, maxCalls };
    const all = configurationsOf({
      ...field,
      there,
      blockMs: blockShare * (raceMs + reportMs),
    }).filter(({ cell }) => demand === null || hasOpenLoop(cell));
    const { force = false } = flags;
    const mixing = inFlight?.level === 'error' ? all.filter(({ cell }) => isInFlight(cell)) : [];
    const configurations = force ? all : all.filter((configuration) => !mixing.includes(configuration));
    if (inFlight !== null && mixing.length > 0) {
      const cells = mixing.map(({ cell }) => cell);
      note(mixingText(cells, { said: inFlight.said, force }));
    }
    const timing = sample.folder.remembers ? { screening: once, final: once } : { screening, final };
    const calls = raceCalls({ sample, configurations, timing, cores }, maxCalls);
    const { store, environment } = await begin(request, { task, sample, configurations });
    note(plannedText({ sample, configurations, budgetMs, cores, calls, maxCalls }));
    if (configurations.some(({ cell }) => cell.perWorker !== undefined))
      note(splitsText(splitsOf(field), { cost: sample.cost, cores }));
    const traits = loaded.map(({ strategy }) => strategy);
    const responsiveness = new Responsiveness({
      helpers,
      cores,
      environment,
      constraints,
      strategies: traits,
    });
    progress.start(startedMs);
    const result = await race({
      configurations,
      baseline: configurationName({
        strategy: baseline.strategy.name,
        workers: 1,
        delivery: defaultDelivery(baseline.strategy, corpus.file.source),
      }),
      untilMs: startedMs + raceMs,
      clock: () => performance.now(),
      cores,
      seed,
      demandPerSecond: demand?.perSecond,
      timing,
      ...(maxCalls !== null && { maxCalls: maxCalls - sample.calls - testedInFlight }),
      signal: signals.signal,
      measure: ({ cell }, { block, order, timing, timeoutMs }) =>
        runTrial(helpers, cell, {
          keepStage: (row) => store.stages.append(row),
          place: { runId: store.runId, round: block, order, twin: null, attempt: 1 },
          timing,
          cores,
          suite: [process.pid],
          timeoutMs,
          countsCalls: maxCalls !== null,
        }),
      keep: (trial) => store.append(trial),
      violations: (trials, running) => responsiveness.violations(trials, running),
      say: (event) => progress.on(event),
    });
    if (!signals.signal.aborted) await responsiveness.testAll(result.trials, result.finalists);
    const measured = withNotMeasured(environment, result.notMeasured);
    if (measured !== environment) writeEnvironment(store, measured);
    const found = findings(store.trials(), { environment: measured, strategies: traits });
    const constrained = {
      corpus: sample.corpus.name,
      constraints,
      responsiveness: responsiveness.rows,
      strategies: traits,
    };
    const judged =
      demand === null
        ? null
        : await openLoops(eligibleCells(decide({ ...found, ...constrained })), {
            demand,
            configurations,
            sample,
            store,
            helpers,
            progress,
            seed,
            scheduleMs: scheduleMs(demand, { budgetMs }),
            untilMs: startedMs + budgetMs - reportMs,
            signal: signals.signal,
          });
    store.close();
    progress.stop();
    store.write(
      'responsiveness.csv',
      encodeHeader(responsivenessTable) + encodeRows(responsivenessTable, responsiveness.rows),
    );
    const chosen = chosenFrom(found, {
      ...constrained,
      judged,
      timeoutMs: request.timeoutMs,
      task: taskRecord(task),
      effort: {
        budgetMs,
        usedMs: performance.now() - startedMs,
        fullGridMs: result.fullGridMs,
        blocks: Math.max(0, ...result.trials.map(({ round }) => round)),
        finalBlocks: result.finalBlocks,
      },
    });
    const path = join(store.folder, 'recommendation.json');
    const written = writeDecision(chosen, (text) => store.write('recommendation.json', text));
    const { publish } = await import('../publish.js'); // a refused command does without its 0.1 s
    await publish(store);
    print(
      flags.json
        ? `${JSON.stringify(written ?? chosen.decided, null, 2)}\n`
        : decisionText(chosen, { path, report: join(store.folder, 'report.html') }),
    );
    const refused = refusedText(result.trials);
    if (refused !== null) note(refused);
    if (signals.signal.aborted) return exitCode.interrupted;
    return written === null ? exitCode.invalid : exitCode.ok;
  } finally {
    progress.stop();
    signals.end();
    helpers.end();
  }
}

/** Returns null where no strategy uses agents, or each trial starts its own. */
async function agentsThere(
  loaded: readonly LoadedStrategy[],
  { broker, task }: { readonly broker: string | undefined; readonly task: TaskFile },
): Promise<AgentsThere | null> {
  const between = loaded.find(({ strategy }) => strategy.isolation === 'machine');
  if (broker === undefined || broker === ownBroker || between === undefined) return null;
  return { broker, workers: await workersThere(broker, { loaded: between, task: task.ref }) };
}

interface PickRequest {
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
function requestOf(flags: PickFlags, loaded: readonly LoadedStrategy[]): PickRequest {
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
    timeoutMs: timeout === undefined ? null : parseDuration(timeout),
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

/** Whether several documents may be in flight on one thread is tested with up to this many calls. */
const testedInFlight = 120;
/** A survey with fewer calls would leave too few for a race. */
const minCalls = 400;

/** @throws UsageError where calls cannot be counted, or are too few for any race */
function maxCallsOf({ maxCalls, rate, loopDelay }: PickFlags): number | null {
  if (maxCalls === undefined) return null;
  for (const [flag, given] of [
    ['--rate', rate],
    ['--loop-delay', loopDelay],
  ])
    if (given !== undefined)
      throw new UsageError(
        `${flag} and --max-calls cannot be combined: calls are counted in closed loops only; leave one out`,
      );
  const count = parseCount(maxCalls, '--max-calls');
  if (count < minCalls)
    throw new UsageError(
      `--max-calls: expected ${minCalls} calls or more, got ${count}; a survey and a race need about as many`,
    );
  return count;
}

/**
 * Returns how often the task is called at most, the calls so far included.
 * @throws UsageError when the calls that are allowed do not suffice for two configurations
 */
function raceCalls(
  {
    sample,
    configurations,
    timing,
    cores,
  }: {
    readonly sample: Sample;
    readonly configurations: readonly Configuration[];
    readonly timing: RaceTiming;
    readonly cores: number;
  },
  maxCalls: number | null,
): number {
  const calls = raceCallsOf(configurations, { timing, cores });
  const before = sample.calls + testedInFlight;
  if (maxCalls !== null && before + calls.least > maxCalls)
    throw new UsageError(
      `--max-calls: expected ${before + calls.least} calls or more to compare two configurations ` +
        `(${before} of them are made before the race), got ${maxCalls}`,
    );
  return Math.min(before + calls.most, maxCalls ?? Number.POSITIVE_INFINITY);
}

interface Begin {
  readonly task: TaskFile;
  readonly sample: Sample;
  readonly configurations: readonly Configuration[];
}

async function begin(
  { flags, seed, folder }: PickRequest,
  { task, sample: { workload, corpus, folder: costs }, configurations }: Begin,
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
        costs: { ...costs, pass_mean_ms: passMeanMs(configurations) },
      },
    ],
  });
  writeEnvironment(store, environment);
  store.beginAppending();
  if (configurations.some(({ cell }) => cell.strategy.strategy.staged === true)) store.stages.begin();
  return { store, environment };
}

function writeEnvironment(store: Store, environment: Environment): void {
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
}

/** The report, the recommendation and later commands read in the environment what was not measured. */
function withNotMeasured(environment: Environment, missing: readonly NotMeasured[]): Environment {
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

function plannedText({
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
  const plan = `${configurations.length} configurations, ${unique} documents, ${duration(budgetMs)}${called}`;
  return `${workload.ref.name} (${workload.kind}): ${plan}; ${cores} effective cores`;
}
