import { join } from 'node:path';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, UsageError } from '../../errors.js';
import { readEnvironment } from '../../measure/environment.js';
import { armsOf } from '../../pick/arms.js';
import { decide } from '../../pick/decide.js';
import { race } from '../../pick/race.js';
import { type ConstraintFlags, constraintsOf, timeBudget } from '../../pick/request.js';
import { Responsiveness } from '../../pick/responsiveness.js';
import { takeSample } from '../../pick/sample.js';
import { type Chosen, decisionText, writeDecision } from '../../pick/write.js';
import { pickProgressOn } from '../../report/pick-progress.js';
import { schema } from '../../tables/columns.js';
import { responsivenessColumns } from '../../tables/responsiveness-columns.js';
import { Store } from '../../tables/store.js';
import { encodeHeader, encodeRows } from '../../tables/table.js';
import { Wards } from '../../trials/helper-processes.js';
import { taskRecord } from '../../trials/own-task.js';
import { loadStrategies } from '../../trials/prepare.js';
import { runTrial } from '../../trials/trial.js';
import { findings } from '../../verdict/findings.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { duration } from '../../words/units.js';
import { commandLine, newRunFolder } from '../folder.js';
import { publish } from '../publish.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

export interface PickFlags extends ConstraintFlags {
  task?: string;
  docs?: string;
  timeBudget: string;
  out?: string;
  seed: string;
  json?: true;
}

/** Of the budget, what the first block may take. */
const blockShare = 0.4;
/** Of the budget, for what comes after the last trial: the tables, charts and report. */
const reportMs = 3000;

/**
 * `forkwise pick`: races all strategies on the user's own task and documents within a time budget, and says which to use.
 * @returns the exit code: 3 when nothing keeps to the constraints, 130 when it was interrupted
 */
export async function pick(flags: PickFlags): Promise<number> {
  const startedMs = performance.now();
  const budgetMs = timeBudget(flags.timeBudget);
  const constraints = constraintsOf(flags);
  const timeoutMs = flags.timeout === undefined ? null : parseDuration(flags.timeout);
  const seed = parseCount(flags.seed, '--seed');
  if (flags.task === undefined)
    throw new UsageError('pick: expected --task, the module with your task, like --task ./parse.ts');
  if (flags.docs === undefined)
    throw new UsageError("pick: expected --docs, your documents, like --docs './samples/**'");
  const folder = flags.out ?? newRunFolder();
  Store.refuseExisting(folder);
  const task = await compileTask(flags.task);
  const wards = new Wards();
  const progress = pickProgressOn(process.stderr, budgetMs - reportMs);
  const signals = handleSignals({
    orderly() {
      progress.say('ending with what is known by now; Ctrl-C again ends it at once');
      return true;
    },
    atOnce() {
      progress.stop();
      wards.end();
    },
  });
  try {
    const cores = effectiveCores().effective;
    const loaded = await loadStrategies(strategies.map(({ url }) => url));
    const sample = await takeSample(wards, {
      ...{ task: task.ref, docs: flags.docs, seed, strategies: loaded, cores, budgetMs },
      baseline: strategies[0]?.url as string, // sequential stands first
      say: (step) => note(colorsFor(process.stderr).dim(step)),
    });
    const { workload, corpus, grain } = sample;
    const arms = armsOf({
      ...{ workload, corpus, strategies: loaded, grain, cores, blockMs: blockShare * budgetMs },
      ...constraints,
    });
    const store = Store.create(folder);
    const environment = await readEnvironment({
      ...{ schema, run_id: store.runId, command: commandLine(), seed, profile: 'pick', claims: 'suggests' },
      flags: { ...flags },
      task: taskRecord(task),
      plan: { trials_per_round: 0, rounds_least: 1, rounds_most: 0 },
      corpora: [{ workload: workload.ref.name, corpus: corpus.name, sha256: corpus.hash, ...corpus.profile }],
    });
    store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
    store.beginAppending();
    note(
      `${task.ref.name} (${workload.kind}): ${arms.length} configurations, ${sample.unique} documents, ${duration(budgetMs)}; ${cores} effective cores`,
    );
    const responsiveness = new Responsiveness({
      wards,
      cores,
      environment,
      constraints,
      strategies: loaded.map(({ strategy }) => strategy),
    });
    progress.start(startedMs);
    const untilMs = startedMs + budgetMs - reportMs;
    const result = await race({
      ...{ arms, untilMs, cores, seed, signal: signals.signal },
      clock: () => performance.now(),
      measure: (arm, { block, order, timing }) =>
        runTrial(wards, arm.cell, {
          place: { runId: store.runId, round: block, order, twin: null, attempt: 1 },
          ...{ timing, cores, suite: [process.pid] },
        }),
      keep: (trial) => store.append(trial),
      violations: (trials, running) => responsiveness.violations(trials, running),
      say: (event) => progress.on(event),
    });
    store.close();
    if (!signals.signal.aborted) await responsiveness.testAll(result.trials, result.finalists);
    progress.stop();
    store.write(
      'responsiveness.csv',
      encodeHeader(responsivenessColumns) + encodeRows(responsivenessColumns, responsiveness.rows),
    );
    const all = loaded.map(({ strategy }) => strategy);
    const found = findings(store.trials(), { environment, strategies: all });
    const chosen: Chosen = {
      decided: decide({ ...found, constraints, responsiveness: responsiveness.rows, strategies: all }),
      ...{ found, constraints, timeoutMs, responsiveness: responsiveness.rows, strategies: all },
      task: taskRecord(task),
      effort: {
        ...{ budgetMs, usedMs: performance.now() - startedMs, fullGridMs: result.fullGridMs },
        ...{
          blocks: Math.max(0, ...result.trials.map(({ round }) => round)),
          finalBlocks: result.finalBlocks,
        },
      },
    };
    const path = join(store.folder, 'recommendation.json');
    const written = writeDecision(chosen, (text) => store.write('recommendation.json', text));
    await publish(store);
    print(
      flags.json
        ? `${JSON.stringify(written ?? chosen.decided, null, 2)}\n`
        : decisionText(chosen, { path, report: join(store.folder, 'report.html') }),
    );
    if (signals.signal.aborted) return exitCode.interrupted;
    return written === null ? exitCode.invalid : exitCode.ok;
  } finally {
    progress.stop();
    signals.end();
    wards.end();
  }
}
