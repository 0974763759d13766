import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { workloads } from '../../../workloads/index.js';
import type { Finding } from '../../doctor/finding.js';
import { fitness } from '../../doctor/fitness.js';
import {
  cpuAgrees,
  cpuIsBounded,
  type Known,
  littlesLaw,
  samplingIsCheap,
  sleepScales,
  spinCostsTheSame,
} from '../../doctor/known-answers.js';
import { exitCode } from '../../errors.js';
import type { TrialRow } from '../../tables/trial-columns.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { baselineOf, isMeasuredByDefault, planCells } from '../../trials/plan.js';
import { loadStrategies, prepare } from '../../trials/prepare.js';
import { type BenchRequest, benchRequest } from '../../trials/request.js';
import { runTrial } from '../../trials/trial.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

/**
 * `forkwise doctor` checks whether this machine is fit to measure on, and whether the suite gives the known
 * answers.
 * @returns the exit code
 */
export async function doctor(flags: { json?: true }): Promise<number> {
  note('looking at the machine');
  const machine = await fitness();
  const suite = await selfTests();
  const findings = [...machine, ...suite];
  const fit = findings.every(({ level }) => level !== 'unfit');
  print(flags.json ? `${JSON.stringify({ fit, findings }, null, 2)}\n` : text(findings, fit));
  return fit ? exitCode.ok : exitCode.invalid;
}

/** `spin` takes about 10 ms per document with this, so moving a document to a worker costs almost nothing. */
const iterations = 6_000_000;

/** Runs every strategy for about a second, on work whose cost is known. */
async function selfTests(): Promise<Finding[]> {
  const flags = {
    profile: 'quick',
    workloads: 'spin,sleep',
    sizes: '10KB',
    workers: '1,2,4',
    seed: '1',
    llmModel: '',
    llmParallel: '1',
    documents: '120',
  };
  const request: BenchRequest = {
    ...benchRequest(flags, { workloads, strategies, peers }),
    options: { iterations },
  };
  const cores = effectiveCores().effective;
  const helpers = new HelperProcesses();
  const signals = handleSignals({ atOnce: () => helpers.end() });
  try {
    const loaded = await loadStrategies(strategies.map(({ url }) => url));
    const { workloads: prepared } = await prepare(helpers, request, {
      baseline: baselineOf(loaded).url,
      say: () => {},
    });
    const cells = planCells({
      workloads: prepared,
      strategies: loaded.filter(isMeasuredByDefault),
      workers: request.workers,
    }).filter(({ workload, workers }) => workload.kind !== 'cpu' || workers <= cores);
    const tests: SelfTest[] = [];
    for (const [i, cell] of cells.entries()) {
      const name = `${cell.workload.ref.name} ${cell.strategy.strategy.name} × ${cell.workers}`;
      note(`self-test ${i + 1}/${cells.length}: ${name}`);
      const place = { runId: 'doctor', round: 1, order: i + 1, twin: null, attempt: 1 };
      const trial = await runTrial(helpers, cell, {
        place,
        timing: { timeMs: 1_200, warmupMs: 200 },
        cores,
        suite: [process.pid],
      });
      tests.push({ trial, strategy: cell.strategy.strategy });
    }
    return judge(tests, cores);
  } finally {
    helpers.end();
    signals.end();
  }
}

interface SelfTest {
  readonly trial: TrialRow;
  readonly strategy: Known['strategy'];
}

function judge(tests: readonly SelfTest[], cores: number): Finding[] {
  const failed: Finding[] = [];
  const known: Known[] = [];
  for (const { trial, strategy } of tests) {
    if (trial.status !== 'failed') known.push({ trial, strategy });
    else
      failed.push({
        name: `${trial.workload} ${trial.strategy} × ${trial.workers}`,
        level: 'unfit',
        said: trial.reason,
        remedy: 'this strategy does not run on this system',
      });
  }
  const spin = known.filter(({ trial }) => trial.workload === 'spin');
  const sleep = known.filter(({ trial }) => trial.workload === 'sleep');
  return [
    ...failed,
    ...sleepScales(sleep),
    ...spinCostsTheSame(spin),
    ...cpuIsBounded(spin, cores),
    ...littlesLaw(sleep),
    ...cpuAgrees(spin),
    samplingIsCheap(known),
  ];
}

function text(findings: readonly Finding[], fit: boolean): string {
  const colors = colorsFor(process.stdout);
  const marks = {
    ok: colors.green('ok     '),
    note: colors.yellow('note   '),
    unfit: colors.red('unfit  '),
    unknown: colors.dim('unknown'),
  };
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.map(({ name, level, said, remedy }) => {
    const advice = remedy === undefined || level === 'ok' ? '' : `\n${' '.repeat(10 + width)}→ ${remedy}`;
    return `${marks[level]}  ${name.padEnd(width)}  ${said}${advice}`;
  });
  const verdict = fit
    ? colors.green('Fit to measure on.')
    : colors.red('Not fit to measure on now: see what is marked unfit.');
  return `${lines.join('\n')}\n\n${colors.bold(verdict)}\n`;
}
