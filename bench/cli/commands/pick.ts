import { join } from 'node:path';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { compileTask, type TaskFile } from '../../../workloads/task-file.js';
import { urlsOf } from '../../check/examine.js';
import { inFlightFinding, isInFlight, mixingText } from '../../check/known.js';
import { exitCode, UnfitError, UsageError } from '../../errors.js';
import { type AgentsThere, splitsOf } from '../../pick/axes.js';
import { type Configuration, configurationsOf } from '../../pick/configurations.js';
import { decide, eligibleCells } from '../../pick/decide.js';
import { openLoopMs, scheduleMs } from '../../pick/open-loop/demand.js';
import { raceCallsOf } from '../../pick/race/calls.js';
import { race } from '../../pick/race/race.js';
import { type RaceTiming, timingFor } from '../../pick/race/timings.js';
import { Responsiveness } from '../../pick/responsiveness.js';
import { type Sample, takeSample } from '../../pick/sample.js';
import { chosenFrom, decisionText, writeDecision } from '../../pick/write.js';
import { pickProgressOn } from '../../report/pick-progress.js';
import { encodeHeader, encodeRows } from '../../tables/csv.js';
import { responsivenessTable } from '../../tables/responsiveness-columns.js';
import { ownBroker } from '../../tables/summarise.js';
import { workersThere } from '../../trials/agents-there.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { taskRecord } from '../../trials/own-task.js';
import { baselineOf, defaultDelivery, type LoadedStrategy } from '../../trials/plan.js';
import { loadStrategies } from '../../trials/prepare.js';
import { runTrial } from '../../trials/trial.js';
import { configurationName } from '../../verdict/configurations.js';
import { findings } from '../../verdict/findings.js';
import { refusedText } from '../../words/service-limits.js';
import { splitsText } from '../../words/splits.js';
import { hasOpenLoop, openLoops } from '../open-loops.js';
import { begin, plannedText, withNotMeasured, writeEnvironment } from '../pick-record.js';
import { type PickFlags, requestOf } from '../pick-request.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

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
    const { remembers } = sample.folder;
    const timing = timingFor(
      configurations.map(({ cell }) => cell),
      {
        raceMs: startedMs + raceMs - performance.now(),
        cores,
        maxCalls,
        remembers,
      },
    );
    const calls = raceCalls({ sample, configurations, timing, cores }, maxCalls);
    const { store, environment } = await begin(request, { task, sample, configurations, timing });
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

/** Whether several documents may be in flight on one thread is tested with up to this many calls. */
const testedInFlight = 120;
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
