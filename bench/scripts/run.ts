import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { colorsFor, note, print } from '../cli/terminal.js';
import { exitCode, UsageError } from '../errors.js';
import { renderTable } from '../report/console.js';
import { median } from '../stats/estimate.js';
import { encodeHeader, encodeRows } from '../tables/csv.js';
import { type Row, table } from '../tables/table.js';
import { roundOrder } from '../trials/plan.js';
import { parseCount, parseList, parseSize } from '../words/parse.js';
import { number, size } from '../words/units.js';
import { stepsFor, taskSource } from './run/task-source.js';
import { type Configuration, checkOutputs, plainLoop, runTurn, type Turn } from './run/turn.js';
import { runScript } from './script.js';
import { spread } from './spread.js';

const help = `Measures \`forkwise run\` over many files against a plain loop with readFileSync that writes the
same ids, statuses and values. The limit of the machine is measured beside it: as many processes as there are
workers, each with its part of the files in a plain loop. Files are in the page cache. Each turn has processes
of its own; a round has every configuration once, in random order, with all files and with one file. Their
difference leaves the start-up out.

  npm run bench:run
  npm run bench:run -- --rounds 3 --strategies queue:2,thread-pool:2 --before ../forkwise-before

  --strategies <list>  strategies, each with its workers   sequential,self-scheduling:2
  --tasks <list>       time of the task, µs; 0: trivial    0,50
  --files <count>      files                               20000
  --size <size>        size of each                        10KB
  --rounds <count>     rounds                              7
  --seed <number>      seed of the order                   1
  --before <folder>    another built checkout, whose \`run\` is measured beside this one
  --out <file>         a row per turn, as CSV              results/run.csv
`;

const turnTable = table([
  { name: 'round', type: 'number', about: 'number of the round' },
  { name: 'task_us', type: 'number', about: 'what the task was made to take, microseconds; 0: trivial' },
  { name: 'strategy', type: 'text', about: 'strategy; `plain loop` for the loop by hand' },
  { name: 'workers', type: 'number', about: 'workers; of the plain loop, processes' },
  { name: 'checkout', type: 'text', about: '`this` or `before`' },
  { name: 'files', type: 'number', about: 'files in the folder' },
  { name: 'file_bytes', type: 'number', about: 'size of each file, bytes' },
  { name: 'wall_ms', type: 'number', about: 'from starting the process to its end, milliseconds' },
] as const);
type TurnRow = Row<typeof turnTable>;

await runScript(main);

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    print(help);
    return exitCode.ok;
  }
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-bench-run-'));
  try {
    const rows = await measure(options, folder);
    report(options, rows);
    return exitCode.ok;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Options = NonNullable<ReturnType<typeof readOptions>>;

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      strategies: { type: 'string', default: 'sequential,self-scheduling:2' },
      tasks: { type: 'string', default: '0,50' },
      files: { type: 'string', default: '20000' },
      size: { type: 'string', default: '10KB' },
      rounds: { type: 'string', default: '7' },
      seed: { type: 'string', default: '1' },
      before: { type: 'string' },
      out: { type: 'string', default: 'results/run.csv' },
    },
  });
  if (values.help) return null;
  const files = parseCount(values.files, '--files');
  if (files < 2) throw new UsageError('expected --files to be at least 2, because one file is the start-up');
  const own = parseList(values.strategies, '--strategies', configuration);
  const before = values.before === undefined ? null : resolve(values.before, 'dist/bench/cli.js');
  if (before !== null && !existsSync(before))
    throw new UsageError(`expected --before to be a built checkout, and there is no ${before}`);
  const counts = [...new Set([1, ...own.map(({ workers }) => workers)])].sort((a, b) => a - b);
  const earlier = before === null ? [] : own.map((one): Configuration => ({ ...one, checkout: 'before' }));
  return {
    configurations: [...counts.map(plainLoop), ...own, ...earlier],
    programs: { this: fileURLToPath(new URL('../cli.js', import.meta.url)), before: before ?? '' },
    tasks: parseList(values.tasks, '--tasks', taskUs),
    files,
    fileBytes: parseSize(values.size, '--size'),
    rounds: parseCount(values.rounds, '--rounds'),
    seed: parseCount(values.seed, '--seed'),
    out: values.out,
  };
}

function configuration(text: string): Configuration {
  const [strategy = '', workers = '1'] = text.split(':');
  const count = parseCount(workers, 'the number of workers in --strategies');
  return { strategy, workers: count, checkout: 'this' };
}

function taskUs(text: string): number {
  return text === '0' ? 0 : parseCount(text, 'each of --tasks');
}

async function measure(options: Options, folder: string): Promise<TurnRow[]> {
  const { configurations, programs, tasks, files, fileBytes, rounds, seed, out } = options;
  const corpora = [1, files].map((count) => ({
    files: count,
    docs: writeFiles(join(folder, `files-${count}`), { count, fileBytes }),
  }));
  const modules = await writeTasks(tasks, folder);
  const turns = modules.flatMap((task) =>
    corpora.flatMap((corpus) =>
      configurations.map((one): Turn => ({ ...one, ...task, ...corpus, cli: programs[one.checkout] })),
    ),
  );
  await checkOutputs(turns, folder);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, encodeHeader(turnTable));
  const rows: TurnRow[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const turn of roundOrder(turns, { seed, round })) {
      const { strategy, workers, checkout, files, taskUs: task_us } = turn;
      const { wallMs: wall_ms } = await runTurn(turn, folder);
      const row = { round, task_us, strategy, workers, checkout, files, file_bytes: fileBytes, wall_ms };
      rows.push(row);
      appendFileSync(out, encodeRows(turnTable, [row]));
    }
    note(`round ${round} of ${rounds}`);
  }
  return rows;
}

function writeFiles(docs: string, { count, fileBytes }: { count: number; fileBytes: number }): string {
  mkdirSync(docs);
  const content = Buffer.alloc(fileBytes, 'a file like any other. ');
  for (let i = 0; i < count; i++) writeFileSync(join(docs, `${String(i).padStart(7, '0')}.txt`), content);
  return docs;
}

/** Writes a module for each time. Steps are calibrated once, so that all turns do the same work. */
async function writeTasks(tasks: readonly number[], folder: string) {
  const probe = join(folder, 'probe.mjs');
  writeFileSync(probe, taskSource(0));
  const { spin } = (await import(pathToFileURL(probe).href)) as { spin(steps: number): number };
  return tasks.map((taskUs) => {
    const task = join(folder, `task-${taskUs}.mjs`);
    writeFileSync(task, taskSource(taskUs === 0 ? 0 : stepsFor(taskUs, spin)));
    return { taskUs, task };
  });
}

function report({ configurations, tasks, files, fileBytes, rounds, out }: Options, rows: readonly TurnRow[]) {
  const groups = tasks.map((task_us) => {
    const timesOf = ({ strategy, workers, checkout }: Configuration, count: number) =>
      rows
        .filter((row) => row.task_us === task_us && row.files === count)
        .filter((row) => row.strategy === strategy && row.workers === workers && row.checkout === checkout)
        .map(({ wall_ms }) => wall_ms);
    const netOf = (configuration: Configuration) => {
      const startUp = timesOf(configuration, 1);
      return timesOf(configuration, files).map((ms, i) => ms - (startUp[i] as number));
    };
    const plain = netOf(plainLoop(1));
    return configurations.map((configuration) => {
      const net = netOf(configuration);
      const limit = netOf(plainLoop(configuration.workers));
      return [
        task_us === 0 ? 'trivial' : `${task_us} µs`,
        configuration.checkout === 'this' ? configuration.strategy : `${configuration.strategy}, before`,
        String(configuration.workers),
        spread(net),
        number((1e3 * (median(net) as number)) / (files - 1)),
        spread(
          net.map((ms, i) => ms / (plain[i] as number)),
          (value) => value.toFixed(2),
        ),
        spread(
          net.map((ms, i) => (100 * (limit[i] as number)) / ms),
          (value) => `${value.toFixed(0)} %`,
        ),
        spread(timesOf(configuration, 1)),
      ];
    });
  });
  const header = [
    'task',
    'strategy',
    'workers',
    'all files − one, ms',
    'µs per file',
    '÷ plain loop',
    'rate, of the limit',
    'one file, ms',
  ];
  print(
    `\n${renderTable({ header, numbersFrom: 2, groups }, colorsFor(process.stdout))}\n\n` +
      `${files} files of ${size(fileBytes)}, warm page cache; medians of ${rounds} rounds ` +
      `(lowest–highest), ratios paired by round. Every turn is in ${out}\n`,
  );
}
