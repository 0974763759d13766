import { execFile, fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { readRecommendation } from '../../runner/recommendation.js';
import { strategies } from '../../strategies/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { note } from '../cli/terminal.js';
import { exitCode, UsageError, unknownName } from '../errors.js';
import { finals } from '../pick/race/timings.js';
import {
  type AdviceRow,
  adviceTable,
  type PromiseRow,
  promiseTable,
  type RegretRow,
  regretTable,
} from '../regret/columns.js';
import { writeDocuments } from '../regret/documents.js';
import { type Exhaustive, exhaustive } from '../regret/exhaustive.js';
import { regretRow } from '../regret/pick-regret.js';
import { programsOver } from '../regret/programs.js';
import { bestGain, scoreAdvice } from '../regret/score.js';
import { moduleOf, type RegretTask, tasks } from '../regret/tasks.js';
import { encodeHeader, encodeRows } from '../tables/csv.js';
import type { Row, Table } from '../tables/table.js';
import { isMeasuredByDefault, type LoadedStrategy } from '../trials/plan.js';
import { loadStrategies } from '../trials/prepare.js';
import { longSlow, profiles } from '../trials/profiles.js';
import type { Timing } from '../trials/timing.js';
import { recommendedName } from '../verdict/configurations.js';
import { parseCount, parseList } from '../words/parse.js';
import { number, percent } from '../words/units.js';

const help = `How good is the advice? Measures every configuration of each task in many rounds,
and scores against that what \`pick\` chose in its time budget, and what \`bench\` would advise after
3, 6 and 12 rounds.
A run that was ended continues where it stopped; delete the folders of a task to measure it again.

  npm run regret
  npm run regret -- --tasks html,image --passes quiet --rounds 12

  --tasks <names>          tasks to measure                                      all
  --passes <names>         quiet; spinner: another process takes 30 % of a core  quiet,spinner
  --rounds <count>         rounds of the exhaustive runs                         24
  --quick-rounds <count>   likewise, of those with the timing of quick           24
  --draws <count>          random choices of rounds to take advice from          200
  --seeds <count>          picks of each task                                    2
  --programs <count>       programs that check each pick's promise               5
  --budget <duration>      time budget of a pick                                 2m
  --folder <folder>        where runs and tables go                              results/regret
`;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: tasks.map(({ name }) => name).join() },
    passes: { type: 'string', default: 'quiet,spinner' },
    rounds: { type: 'string', default: '24' },
    'quick-rounds': { type: 'string', default: '24' },
    draws: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '2' },
    programs: { type: 'string', default: '5' },
    budget: { type: 'string', default: '2m' },
    folder: { type: 'string', default: 'results/regret' },
    help: { type: 'boolean', default: false },
  },
});

type Pass = 'quiet' | 'spinner';

interface Settings {
  readonly folder: string;
  readonly budget: string;
  /** Rounds of the exhaustive runs, by their timing. */
  readonly roundsOf: Readonly<Record<keyof typeof timings, number>>;
  readonly draws: number;
  readonly seeds: number;
  readonly programs: number;
  readonly cores: number;
  readonly loaded: readonly LoadedStrategy[];
}

/** The rounds that advice is taken from, and the timing of the trials that it is taken from. */
const advice = [
  { rounds: 3, timing: 'quick' },
  { rounds: 6, timing: 'final' },
  { rounds: 12, timing: 'final' },
] as const;

const quick = profiles.find(({ name }) => name === 'quick') as (typeof profiles)[number];
const timings: Readonly<Record<'quick' | 'final', Timing>> = {
  // A run of one task is short enough for the longest trials.
  quick: {
    ...(quick.longer?.timings[0] ?? { timeMs: quick.timeMs, warmupMs: quick.warmupMs }),
    ...(quick.slow && { slowWarmupMs: quick.slow.warmupsMs[0] }),
  },
  final: { ...finals[0], slowWarmupMs: longSlow.warmupsMs[0] },
};

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));

if (values.help) note(help);
else await main();

async function main(): Promise<void> {
  const chosen = parseList(values.tasks, '--tasks', (name) => named('task', name, tasks));
  const passes = parseList(values.passes, '--passes', passNamed);
  const settings: Settings = {
    folder: values.folder,
    budget: values.budget,
    roundsOf: {
      quick: parseCount(values['quick-rounds'], '--quick-rounds'),
      final: parseCount(values.rounds, '--rounds'),
    },
    draws: parseCount(values.draws, '--draws'),
    seeds: parseCount(values.seeds, '--seeds'),
    programs: parseCount(values.programs, '--programs'),
    cores: effectiveCores().effective,
    loaded: (await loadStrategies(strategies.map(({ url }) => url))).filter(isMeasuredByDefault),
  };
  mkdirSync(settings.folder, { recursive: true });
  const found: { regret: RegretRow[]; promises: PromiseRow[]; advice: AdviceRow[] } = {
    regret: [],
    promises: [],
    advice: [],
  };
  for (const pass of passes) {
    const spinner = pass === 'spinner' ? fork(new URL('./spinner.js', import.meta.url)) : null;
    try {
      for (const task of chosen) {
        const docs = join(settings.folder, 'documents', task.name);
        if (!existsSync(docs)) writeWhole(task, docs);
        const runs = await exhaustiveRuns(task, { pass, docs, settings });
        found.advice.push(...adviceRows(task, { pass, runs, settings }));
        if (pass === 'quiet') await judgePicks(task, { docs, runs, settings, found }).catch(failed(task));
        write(settings.folder, 'advice.csv', adviceTable, found.advice);
        write(settings.folder, 'promises.csv', promiseTable, found.promises);
        write(settings.folder, 'regret.csv', regretTable, found.regret);
      }
    } finally {
      spinner?.kill();
    }
  }
}

/** A task that fails must not end a run of many hours; the exit code says that there was one. */
function failed({ name }: RegretTask): (cause: Error) => void {
  return ({ message }) => {
    note(`${name}: ${message}`);
    process.exitCode = exitCode.failed;
  };
}

function named<Entry extends { readonly name: string }>(
  what: string,
  name: string,
  entries: readonly Entry[],
): Entry {
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    what,
    name,
    entries.map((entry) => entry.name),
  );
}

function passNamed(name: string): Pass {
  if (name === 'quiet' || name === 'spinner') return name;
  throw new UsageError(`--passes: expected quiet or spinner, got "${name}"`);
}

/** Writes the documents under another name first: a folder that exists is whole. */
function writeWhole(task: RegretTask, docs: string): void {
  rmSync(`${docs}-part`, { recursive: true, force: true });
  writeDocuments(task, `${docs}-part`);
  renameSync(`${docs}-part`, docs);
}

type Runs = Readonly<Record<keyof typeof timings, Exhaustive>>;

async function exhaustiveRuns(
  task: RegretTask,
  { pass, docs, settings }: { readonly pass: Pass; readonly docs: string; readonly settings: Settings },
): Promise<Runs> {
  const run = (name: keyof typeof timings) => {
    const rounds = settings.roundsOf[name];
    note(`${task.name}, ${pass}: every configuration in ${rounds} rounds, timing ${name}`);
    return exhaustive({
      task,
      docs,
      folder: join(settings.folder, pass, `${task.name}-${name}`),
      rounds,
      timing: timings[name],
      loaded: settings.loaded,
      seed: 1,
    });
  };
  const quickRun = await run('quick');
  return { quick: quickRun, final: await run('final') };
}

function adviceRows(
  task: RegretTask,
  { pass, runs, settings }: { readonly pass: Pass; readonly runs: Runs; readonly settings: Settings },
): AdviceRow[] {
  const traits = settings.loaded.map(({ strategy }) => strategy);
  return advice.flatMap(({ rounds, timing }): AdviceRow[] => {
    const { trials } = runs[timing];
    const { cores, draws } = settings;
    const score = scoreAdvice({ trials, strategies: traits, cores, rounds, draws, seed: 1 });
    if (score === null) return [];
    note(
      `${task.name}, ${pass}: advice from ${rounds} rounds gives away ` +
        `${percent(score.regretMedian)} in the median, ` +
        `${percent(score.regretHigh)} at the 95th percentile; ` +
        `the fastest configuration gives away ${percent(score.luck)} in the same comparison`,
    );
    return [
      {
        task: task.name,
        pass,
        timing,
        rounds,
        draws: score.draws,
        best_gain: bestGain(trials, traits),
        regret_median: score.regretMedian,
        regret_p95: score.regretHigh,
        regret_max: score.regretMax,
        luck_median: score.luck,
        sequential_share: score.baselineShare,
      },
    ];
  });
}

interface Judging {
  readonly docs: string;
  readonly runs: Runs;
  readonly settings: Settings;
  readonly found: { readonly regret: RegretRow[]; readonly promises: PromiseRow[] };
}

/** Picks as a user would, scores the first pick, and checks what each of them promised. */
async function judgePicks(task: RegretTask, { docs, runs, settings, found }: Judging): Promise<void> {
  for (let seed = 1; seed <= settings.seeds; seed++) {
    const path = await picked(task, { docs, seed, settings });
    const chosen = readRecommendation(JSON.parse(readFileSync(path, 'utf8')));
    const choice = recommendedName(chosen);
    if (seed === 1)
      found.regret.push(
        regretRow(task.name, {
          chosen,
          run: runs.final,
          rounds: settings.roundsOf.final,
          loaded: settings.loaded,
        }),
      );
    const { low, high } = chosen.expected;
    const rates = await programsOver(path, { docs, programs: settings.programs });
    const held = rates.filter((rate) => low !== null && high !== null && rate >= low && rate <= high).length;
    found.promises.push({
      task: task.name,
      seed,
      choice,
      promised_low: low,
      promised_high: high,
      programs: rates.length,
      held,
      slowest: Math.min(...rates),
      fastest: Math.max(...rates),
    });
    const promised = `${number(low ?? 0)} to ${number(high ?? 0)} documents/s`;
    note(`${task.name}: pick chose ${choice}; ${held} of ${rates.length} programs were within ${promised}`);
  }
}

/** Runs the command that a user would give. @returns the path of the recommendation */
async function picked(
  task: RegretTask,
  { docs, seed, settings }: { readonly docs: string; readonly seed: number; readonly settings: Settings },
): Promise<string> {
  const out = join(settings.folder, 'picks', `${task.name}-${seed}`);
  const path = join(out, 'recommendation.json');
  if (existsSync(path)) return path;
  rmSync(out, { recursive: true, force: true });
  const options = {
    '--task': fileURLToPath(moduleOf(task)),
    '--docs': docs,
    '--time-budget': settings.budget,
    '--seed': String(seed),
    '--out': out,
  };
  note(`${task.name}: pick with ${settings.budget}, seed ${seed}`);
  await promisify(execFile)(process.execPath, [cli, 'pick', ...Object.entries(options).flat()], {
    maxBuffer: 2 ** 24,
  });
  return path;
}

function write<T extends Table>(folder: string, name: string, table: T, rows: readonly Row<T>[]): void {
  writeFileSync(join(folder, name), encodeHeader(table) + encodeRows(table, rows));
}
