import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readRecommendation } from '../../runner/recommendation.js';
import { strategies } from '../../strategies/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { compileTask } from '../../workloads/task-file.js';
import { note, print } from '../cli/terminal.js';
import { configurationsOf, final } from '../pick/configurations.js';
import { unconstrained } from '../pick/constraints.js';
import { takeSample } from '../pick/sample.js';
import { Wards } from '../trials/helper-processes.js';
import { baselineOf, roundOrder, warmupDocuments } from '../trials/plan.js';
import { loadStrategies } from '../trials/prepare.js';
import { runTrial } from '../trials/trial.js';
import { configurationName } from '../verdict/configurations.js';
import { steadyRate } from '../verdict/new-run.js';
import { number } from '../words/units.js';

/**
 * * `npm run promise -- <folder of a pick> <documents>`: does a program with `createRunner` reach what `pick`
 * promised? Ten runs of a separate program, interleaved with ten trials of the bench, in random order within
 * a round.
 */
const rounds = 10;
/** Of a run of the program: long against its last documents. */
const seconds = 4;

const [, , folder, docs] = process.argv as unknown as [string, string, string, string];
const path = join(folder, 'recommendation.json');
const recommendation = readRecommendation(JSON.parse(readFileSync(path, 'utf8')));
const { task, expected } = recommendation;
const { low, high, documentsPerSecond } = expected;
if (low === null || high === null) throw new Error('expected a promise, and it was measured once only');
const wards = new Wards();
const cores = effectiveCores().effective;
const loaded = await loadStrategies(strategies.map(({ url }) => url));
const { workload, corpus, cost } = await takeSample(wards, {
  ...{
    task: (await compileTask(`${task.file}#${task.export}`)).ref,
    docs,
    seed: 1,
    strategies: loaded,
    cores,
    budgetMs: 60_000,
    say: note,
  },
  baseline: baselineOf(loaded),
});
// Arms go by what a document costs, which comes out a little different every time: the number of workers is
// the recommendation's.
const arm = configurationsOf({
  ...{ workload, corpus, strategies: loaded, cost, cores },
  ...unconstrained,
}).findLast(
  ({ cell }) =>
    cell.strategy.strategy.name === recommendation.strategy && cell.delivery === recommendation.delivery,
);
if (arm === undefined) throw new Error(`expected an arm like ${configurationName(recommendation)}`);
const cell = { ...arm.cell, workers: recommendation.workers };
const warmup = warmupDocuments(cell, final);
const program = fileURLToPath(new URL('./promise-program.js', import.meta.url));

const measure: Record<string, (round: number) => Promise<number>> = {
  program: async () => {
    const args = [program, path, docs, String(warmup), String(Math.ceil(seconds * documentsPerSecond))];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return (JSON.parse(stdout) as { documentsPerSecond: number }).documentsPerSecond;
  },
  bench: async (round) => {
    const place = { runId: 'promise', round, order: 1, twin: null, attempt: 1 };
    const trial = await runTrial(wards, cell, { place, timing: final, cores, suite: [process.pid] });
    const { documents_per_second, reason } = trial;
    if (documents_per_second === null) throw new Error(`a trial failed: ${reason}`);
    return steadyRate({ ...trial, documents_per_second });
  },
};
const held: Record<string, number> = { program: 0, bench: 0 };
for (let round = 1; round <= rounds; round++) {
  for (const name of roundOrder(Object.keys(measure), { seed: 1, round })) {
    const rate = (await measure[name]?.(round)) as number;
    const holds = rate >= low && rate <= high;
    if (holds) held[name] = (held[name] ?? 0) + 1;
    note(`${round} ${name}: ${number(rate)} documents/s${holds ? '' : ', outside'}`);
  }
}
wards.end();
print(
  `${configurationName(recommendation)} was promised ${number(low)} to ${number(high)} documents/s: the program was within it in ${held.program} of ${rounds} runs, the bench's own trials in ${held.bench}\n`,
);
