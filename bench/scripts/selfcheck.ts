import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { workloads } from '../../workloads/index.js';
import { handleSignals } from '../cli/signals.js';
import { note, print } from '../cli/terminal.js';
import { exitCode, RunError } from '../errors.js';
import { progressOn } from '../report/progress.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { HelperProcesses } from '../trials/helper-processes.js';
import { baselineOf, type Cell, chooseTwins, type LoadedStrategy } from '../trials/plan.js';
import { loadStrategies, prepare } from '../trials/prepare.js';
import { benchRequest } from '../trials/request.js';
import { runRounds } from '../trials/rounds.js';
import { runTrial } from '../trials/trial.js';
import { compare } from '../verdict/compare.js';

/**
 * `npm run selfcheck`: the A/A test at full size. One cell is measured under 21 names in 12 rounds, as if
 * they were 21 configurations. A suite that can be believed declares none of them faster or slower than
 * another.
 */
const copies = 21;
const rounds = 12;

const helpers = new HelperProcesses();
const signals = handleSignals({ atOnce: () => helpers.end() });
try {
  process.exitCode = await selfcheck();
} finally {
  signals.end();
  helpers.end();
}

async function selfcheck(): Promise<number> {
  const flags = {
    profile: 'quick',
    workloads: 'word-frequency',
    sizes: '10KB',
    seed: '1',
    llmModel: '',
    llmParallel: '1',
  };
  const request = benchRequest(flags, { workloads, strategies, peers });
  const { workloads: prepared } = await prepare(helpers, request, {
    baseline: strategies[0]?.url as string,
    say: note,
  });
  const [workload] = prepared;
  const all = await loadStrategies(strategies.map(({ url }) => url));
  const loaded = all.find(({ strategy }) => strategy.origin === 'ours');
  const corpus = workload?.corpora[0];
  if (workload === undefined || corpus === undefined || loaded === undefined)
    throw new RunError('expected a workload, a corpus and a strategy of our own to check with');
  const baseline = baselineOf(all).strategy;
  // The first copy takes the place of the baseline, so that both kinds of comparison are made.
  const cells = Array.from({ length: copies }, (_, i): Cell => {
    const named: LoadedStrategy = {
      url: loaded.url,
      strategy: {
        ...loaded.strategy,
        name: i === 0 ? baseline.name : `copy-${i}`,
        baseline: i === 0,
      },
    };
    return { workload, corpus, strategy: named, workers: 2, delivery: loaded.strategy.deliveries[0] };
  });
  const { timeMs, warmupMs } = request.profile;
  const cores = effectiveCores().effective;
  const trials: TrialRow[] = [];
  await runRounds({
    runId: 'selfcheck',
    cells,
    twins: chooseTwins(cells),
    rounds: { min: rounds, max: rounds },
    budgetMs: null,
    maxAttempts: 3,
    finished: [],
    enough: () => ({ stop: false, unmet: [] }),
    seed: request.seed,
    timing: { timeMs, warmupMs },
    cores,
    measure: (cell, place) =>
      runTrial(helpers, cell, { place, timing: { timeMs, warmupMs }, cores, suite: [process.pid] }),
    keep: (trial) => trials.push(trial),
    progress: progressOn(process.stderr, { baseline: baseline.name }),
    signal: new AbortController().signal,
  });
  return judge(trials, { strategy: loaded.strategy.name, baseline: baseline.name });
}

const distrust =
  'Copies of the same configuration were declared different: do not trust the suite, or this machine.';

function judge(
  trials: readonly TrialRow[],
  { strategy, baseline }: { readonly strategy: string; readonly baseline: string },
): number {
  const comparisons = compare(trials, { claims: 'verdicts', baseline }).filter(
    ({ reference }) => reference !== 'A/A',
  );
  const wrong = comparisons.filter(({ verdict }) => verdict === 'faster' || verdict === 'slower');
  const counts = ['faster', 'slower', 'equivalent', 'inconclusive'].map(
    (word) => `${comparisons.filter(({ verdict }) => verdict === word).length} ${word}`,
  );
  const furthest = Math.max(...comparisons.map(({ ratio }) => Math.abs(Math.log(ratio))));
  const voids = trials.filter(({ status }) => status !== 'ok').length;
  print(
    `${copies} copies of ${strategy} × 2 in ${rounds} rounds, ${trials.length} trials, ` +
      `${voids} of them not ok: ${comparisons.length} comparisons, ${counts.join(', ')}.\n` +
      `Furthest from 1: ${Math.exp(furthest).toFixed(3)}; margin ${comparisons[0]?.margin.toFixed(3)}.\n` +
      `${wrong.length === 0 ? 'No copy was declared different from another.' : distrust}\n`,
  );
  return wrong.length === 0 ? exitCode.ok : exitCode.failed;
}
