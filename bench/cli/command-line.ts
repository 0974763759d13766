import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { exitCode } from '../errors.js';
import { bench } from './commands/bench.js';
import { check } from './commands/check.js';
import { compare } from './commands/compare.js';
import { doctor } from './commands/doctor.js';
import { faultMatrix } from './commands/faults.js';
import { list } from './commands/list.js';
import { overhead } from './commands/overhead.js';
import { pick } from './commands/pick.js';
import { recommend } from './commands/recommend.js';
import { report as reportCommand } from './commands/report.js';
import { runDocuments } from './commands/run.js';
import { endSoon } from './end-process.js';
import { colorsFor, note } from './terminal.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const benchExamples = `Examples:
  forkwise bench                                                    # seven strategies, made-up documents, 6 minutes
  forkwise bench --docs 'node_modules/**/*.md' --workloads markdown # real documents
  forkwise bench --task ./parse.ts --docs ./samples                 # your task on your documents
  forkwise bench --workloads compress --sizes 10KB,mixed --workers 1,2 --dry-run
  forkwise bench --strategies sequential,thread-pool,tinypool       # against pools of others
  forkwise bench --faults                                           # what each strategy survives, 5 minutes
`;

const program = new Command('forkwise')
  .description(
    'Which concurrency strategy should your documents run on? Measures them all on this machine, and says.',
  )
  .version(version)
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 ok · 1 internal error · 2 usage · 3 task or documents invalid, machine unfit · 4 a strategy failed,\nresults differ or cannot be written · 5 regression · 6 inconclusive under --strict · 130 interrupted',
  );

program
  .command('bench')
  .description('run the matrix of workloads × documents × strategies × workers')
  .addHelpText('before', `${benchExamples}`)
  .option('--profile <name>', 'how much to measure: smoke, quick, standard or rigorous', 'quick')
  .option('--workloads <names>', 'workloads, as in "forkwise list" (default: by profile)')
  .option(
    '--task <file>',
    'your own task, TypeScript or JavaScript, in place of --workloads; ./parse.ts#clean names an export',
  )
  .option(
    '--strategies <names>',
    'strategies and peers, as in "forkwise list"; "peers" adds all peers (default: all strategies, no peers)',
  )
  .option(
    '--delivery <ways>',
    'how documents reach a worker: clone,transfer,shared,message,path; a strategy that has none of them keeps its own',
  )
  .option('--workers <counts>', 'worker counts, like 1,2,4 (default: by profile)')
  .option('--docs <folder or glob>', 'your own documents, in place of made-up ones')
  .option('--sizes <sizes>', 'sizes of made-up documents: 10KB,100KB or mixed (default: by profile)')
  .option('--complexity <level>', 'of made-up documents: low, medium or high (default: medium)')
  .option('--documents <count>', 'documents a pass (default: by profile and size)')
  .option('--rounds <count>', 'rounds (default: by profile)')
  .option('--budget <duration>', 'begin no round that would end later, like 10m (default: no limit)')
  .option(
    '--wait-quiet <duration>',
    'wait until other processes leave the machine alone for 10 s, this long at most, like 5m',
  )
  .option('--seed <number>', 'of documents, samples and order', '1')
  .option('--out <folder>', 'where the run goes; must be new (default: results/<date and time>)')
  .option('--resume <run>', 'go on with a run that was interrupted or killed; repeats no finished trial')
  .option('--llm-parallel <count>', 'requests our language-model server answers at once', '64')
  .option('--llm-url <url>', 'ask a real Ollama instead')
  .option('--llm-model <name>', 'the model to ask for', 'llama3.2')
  .option(
    '--faults',
    'in place of speed: what each strategy survives; with --resume the matrix goes into that run',
  )
  .option('--png', 'charts as PNG, too')
  .option('--interactive', 'charts in report.html that answer to the mouse, even if the page gets large')
  .option('--no-interactive', 'still pictures only')
  .option('--dry-run', 'print the plan and its estimated time, and stop')
  .option('--json', 'results as JSON on standard output')
  .action(async (flags, command: Command) => {
    process.exitCode = flags.faults
      ? await faultMatrix(flags, given(command))
      : await bench(flags, given(command));
  });

/** What `pick` and `recommend` share. */
function constrained(command: Command): Command {
  return command
    .option('--max-memory <size>', 'for the whole process tree, like 512MB (default: no limit)')
    .option(
      '--isolation <kind>',
      'the least that stands between a task and its caller: none, thread or process',
      'none',
    )
    .option(
      '--loop-delay <duration>',
      'a server in the same process must answer within it at the 99th percentile, like 50ms (default: no limit)',
    )
    .option(
      '--latency-p99 <duration>',
      'longest time from a document’s being pulled until its outcome at the 99th percentile (default: no limit)',
    )
    .option(
      '--batch <documents>',
      'start the workers anew for so many documents, so that start-up counts (default: it does not)',
    )
    .option(
      '--timeout <duration>',
      'the time limit of a task that goes into the recommendation (default: none)',
    );
}

constrained(
  program
    .command('pick')
    .description(
      'the best strategy for your task and your documents, within a time budget and under constraints',
    )
    .addHelpText(
      'before',
      `Examples:
  forkwise pick --task ./parse.ts --docs './samples/**'                        # two minutes
  forkwise pick --task ./parse.ts --docs ./samples --time-budget 30s --json
  forkwise pick --task ./parse.ts --docs ./samples --loop-delay 50ms           # beside an HTTP server
  forkwise pick --task ./parse.ts --docs ./samples --max-memory 512MB --isolation process
`,
    ),
)
  .option(
    '--task <file>',
    'your task: a module, TypeScript or JavaScript, like ./parse.ts or ./parse.ts#parse',
  )
  .option('--docs <folder or glob>', 'your documents')
  .option('--time-budget <duration>', 'for all of it', '2m')
  .option('--seed <number>', 'of sample and order', '1')
  .option(
    '--out <folder>',
    'where the run and its recommendation.json go; must be new (default: results/<date and time>)',
  )
  .option('--json', 'the recommendation as JSON on standard output')
  .action(async (flags) => {
    process.exitCode = await pick(flags);
  });

constrained(
  program
    .command('recommend')
    .description('decide again from a finished run, under other constraints, without measuring')
    .addHelpText(
      'before',
      `Examples:
  forkwise recommend results/monday --isolation process
  forkwise recommend results/monday --workload markdown --corpus docs --max-memory 256MB --out recommendation.json
`,
    )
    .argument('<run>', "a run's folder"),
)
  .option('--workload <name>', 'which, where the run has several')
  .option('--corpus <name>', 'which, where the run has several')
  .option('--out <file>', 'write the recommendation there; must be new')
  .option('--json', 'the recommendation as JSON on standard output')
  .action(async (run, flags) => {
    process.exitCode = await recommend(run, flags);
  });

program
  .command('check')
  .description(
    'is my task sound? Loads it in every kind of worker, and looks at its results, its time and its memory',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise check --task ./parse.ts --docs './samples/**'
  forkwise check --task ./parse.ts#clean --documents 5 --timeout 2m --json
`,
  )
  .requiredOption('--task <file>', 'your task, TypeScript or JavaScript; ./parse.ts#clean names an export')
  .option('--docs <folder or glob>', 'your documents (default: made-up text)')
  .option('--documents <count>', 'how many of them, at most', '40')
  .option('--timeout <duration>', 'that one document may take', '30s')
  .option(
    '--max-memory <size>',
    'the workers share 80 % of it, one per core, like 512MB (default: the memory there is)',
  )
  .option('--seed <number>', 'of the sample', '1')
  .option('--json', 'as JSON')
  .action(async (flags) => {
    process.exitCode = await check(flags);
  });

program
  .command('report')
  .description(
    'make tables, charts and report of a run anew from what was measured; with several runs, show them side by side',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise report results/monday                                   # report.html, report.md, charts and tables anew
  forkwise report results/monday --project 5000000 --deadline 30m  # how many such machines would that take?
  forkwise report results/laptop results/server results/node-24    # several machines, or versions of Node
`,
  )
  .argument('<runs...>', 'folders of runs; one may be that of a dispatch benchmark')
  .option('--project <documents>', 'how many documents the projections speak of (default: 1000000)')
  .option('--deadline <duration>', 'in which they are to be done, like 30m (default: 1h)')
  .option('--png', 'charts as PNG, too')
  .option('--interactive', 'charts in report.html that answer to the mouse, even if the page gets large')
  .option('--no-interactive', 'still pictures only')
  .option('--json', 'results as JSON on standard output')
  .action(async (runs, _flags, command: Command) => {
    process.exitCode = await reportCommand(runs, given(command));
  });

program
  .command('compare')
  .description('is the second run faster or slower than the first?')
  .argument('<first>', "a run's folder")
  .argument('<second>', "a run's folder, of the same machine, Node major and documents")
  .option('--force', 'compare runs that differ in machine, Node major or documents')
  .option('--strict', 'exit with 6 when a comparison is inconclusive')
  .option('--json', 'as JSON')
  .action(async (first, second, flags) => {
    process.exitCode = await compare(first, second, flags);
  });

program
  .command('doctor')
  .description('is this machine fit to measure on, and does the suite come to answers that are known?')
  .option('--json', 'as JSON')
  .action(async (flags) => {
    process.exitCode = await doctor(flags);
  });

program
  .command('overhead')
  .description(
    'what strategies and the pools people pick cost beside the task, and the shortest tasks they can afford',
  )
  .option('--strategies <names>', 'strategies and peers', 'peers')
  .option('--sizes <sizes>', 'of documents', '0B,10KB,100KB,500KB')
  .option('--workers <counts>', 'worker counts', '1,2,4')
  .option('--rounds <count>', 'rounds after the sweep of configurations', '5')
  .option('--time <duration>', 'of timed passes a trial', '200ms')
  .option('--seed <number>', 'of the order and the bootstrap', '1')
  .option('--out <folder>', 'where the results go; must be new (default: results/<date and time>)')
  .action(async (flags) => {
    process.exitCode = await overhead(flags);
  });

program
  .command('run')
  .description(
    'process all your documents with the strategy you chose, a line of NDJSON each; called again, it goes on',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise run --config recommendation.json --docs './inbox/**' --out results.ndjson   # as \`forkwise pick\` found best
  forkwise run --task ./parse.ts --strategy queue --workers 4 --timeout 30s --docs ./inbox --out results.ndjson
`,
  )
  .option(
    '--task <file>',
    'your task, an ES module; ./parse.ts#parse for an export of another name (default: that of --config)',
  )
  .requiredOption('--docs <folder or glob>', 'your documents; a folder with all that is in it')
  .requiredOption(
    '--out <file>',
    'one line a document goes here; when there are some already, those documents are done',
  )
  .option('--config <file>', 'a recommendation.json; what stands beside it goes first')
  .option('--strategy <name>', 'as in "forkwise list"')
  .option(
    '--workers <count>',
    'worker threads or processes (default: that of --config, or as many as there are cores)',
  )
  .option('--timeout <duration>', 'a document that takes longer ends as timed-out, like 30s')
  .option(
    '--grace <duration>',
    'after Ctrl-C or SIGTERM, documents in progress have this long to finish',
    '25s',
  )
  .option(
    '--changed <what>',
    'documents whose files have changed since: keep their lines, or run them again',
    'keep',
  )
  .option('--retry <statuses>', 'run documents with these statuses again, like failed,timed-out,crashed')
  .option('--json', 'the summary as JSON on standard output; what tasks print goes to standard error')
  .option('--force', 'run several documents at a time on one thread even if the task is known to mix them up')
  .action(async (flags) => {
    try {
      process.exitCode = await runDocuments(flags, { version });
    } finally {
      endSoon();
    }
  });

program
  .command('list')
  .description('what there is to choose from: workloads, strategies, peers, profiles, charts')
  .addOption(new Option('--json', 'as JSON'))
  .action(async (flags) => {
    process.exitCode = await list(flags);
  });

// A reader that has seen enough (`| head`) is no failure, and no reason to end a run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error as Error);
}

/** The options that stand on the command line, without the defaults. */
function given(command: Command): Record<string, never> {
  return Object.fromEntries(
    Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === 'cli'),
  ) as Record<string, never>;
}

/** Prints what a person can act on; a stack only for what is our mistake. @returns the exit code. */
function report(error: Error): number {
  // commander has printed its own message already; --help and --version end here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  const code = {
    UsageError: exitCode.usage,
    RecommendationError: exitCode.usage,
    CorpusError: exitCode.invalid,
    WorkloadError: exitCode.invalid,
    UnfitError: exitCode.invalid,
    RunError: exitCode.failed,
  }[error.name];
  note(
    `${colorsFor(process.stderr).red('error:')} ${code === undefined ? (error.stack ?? error.message) : error.message}`,
  );
  return code ?? exitCode.internal;
}
