import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { jobOf } from '../config/settle.js';
import { endSoon } from './end-process.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const benchExamples = `Examples:
  forkwise bench                                                    # made-up documents, 6 minutes
  forkwise bench --docs 'node_modules/**/*.md' --workloads markdown # real documents
  forkwise bench --task ./parse.ts --docs ./samples                 # your task on your documents
  forkwise bench --workloads compress --sizes 10KB,mixed --workers 1,2 --dry-run
  forkwise bench --strategies sequential,thread-pool,tinypool       # against pools of others
  forkwise bench --workloads word-frequency --sizes 10KB --arrivals poisson  # latency as a server feels it
  forkwise bench --faults                                           # what each strategy survives, 5 minutes
`;

// Each command imports its modules when it is called: a short job does not wait for those of the others.
export const program = new Command('forkwise')
  .description(
    'Which concurrency strategy should your documents run on? forkwise measures them all on this machine.',
  )
  .version(version)
  .exitOverride()
  .showHelpAfterError('(forkwise <command> --help lists the options)')
  .addHelpText(
    'after',
    '\nExit codes: 0 ok · 1 internal error · 2 usage · 3 task or documents invalid, machine unfit · ' +
      '4 a strategy failed,\nresults differ or cannot be written · 5 regression · ' +
      '6 inconclusive under --strict · 130 interrupted',
  );

/** Adds the options of commands that read a job file. */
function withJobFile(command: Command): Command {
  return command
    .option(
      '--job <file>',
      'job file with values for options (default: forkwise.config.ts, .js, .json or .yaml in this folder)',
    )
    .option('--no-job', 'read no job file');
}

withJobFile(program.command('bench'))
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
    'strategies and peers, as in "forkwise list"; "peers" adds all peers that need no broker ' +
      '(default: the strategies that need none)',
  )
  .option(
    '--delivery <ways>',

    'how documents reach a worker: clone,transfer,shared,message,path,reference; a strategy with none of ' +
      'them keeps its default',
  )
  .option('--workers <counts>', 'worker counts, like 1,2,4 (default: by profile)')
  .option(
    '--per-worker <counts>',
    'documents at the same time in a worker, like 1,4,16, of strategies that have the option (default: 1)',
  )
  .option(
    '--stages <split>',
    'workers of each stage of a task with stages, like load=1,encode=2,write=1 (default: by what the ' +
      'stages cost)',
  )
  .option(
    '--rtt <times>',
    'measure strategies between machines through a proxy that makes each round trip to the broker this ' +
      'much longer, like 0ms,1ms (default: no proxy)',
  )
  .option(
    '--broker <url>',
    'measure strategies between machines with this broker and the agents that are there, like ' +
      'redis://host:6379 (default: each trial starts its own)',
  )
  .option('--docs <folder or glob>', 'your own documents, in place of made-up ones')
  .option(
    '--source <where>',
    'memory: documents are in memory before the clock starts; files: every configuration starts from their ' +
      'names and reading counts (only with --docs; default: memory)',
  )
  .option('--sizes <sizes>', 'sizes of made-up documents: 10KB,100KB or mixed (default: by profile)')
  .option('--complexity <level>', 'complexity of made-up documents: low, medium or high (default: medium)')
  .option('--documents <count>', 'documents per pass (default: by profile and size)')
  .option('--rounds <count>', 'number of rounds (default: by profile)')
  .option(
    '--budget <duration>',
    'start no round that would end later than this, like 10m (default: no limit)',
  )
  .option(
    '--wait-quiet <duration>',
    'wait until other processes leave the machine alone for 10 s, this long at most, like 5m',
  )
  .option('--seed <number>', 'seed of documents, samples and order', '1')
  .option(
    '--arrivals <pattern>',
    'then measure open loops, in which documents come as a schedule says: poisson or constant',
  )
  .option(
    '--rate <rates>',
    'rates of arrivals, in percent of the highest measured rate or per second (default: 50%,80%,95%)',
  )
  .option('--arrival-time <duration>', 'length of a schedule (default: 10s)')
  .option(
    '--accept <count>',
    'refuse a document while this many others have no outcome (default: none is refused)',
  )
  .option(
    '--slo <limit>',
    "search the highest rate of every strategy under a limit like 'p99<200ms'; 3 minutes each",
  )
  .option('--out <folder>', 'where the run goes; must be new (default: results/<date and time>)')
  .option('--resume <run>', 'continue a run that was interrupted or killed; no finished trial is repeated')
  .option(
    '--llm-parallel <count>',
    'number of requests that the built-in language-model server answers at once',
    '64',
  )
  .option(
    '--llm-limit <limits>',
    'the built-in server refuses more than this, like 100/s, and strategies keep within it',
  )
  .option(
    '--max-calls <count>',
    'call the task no more often than this, for services that cost money (default: as often as the time ' +
      'allows)',
  )
  .option('--llm-url <url>', 'use a real Ollama at this URL instead')
  .option('--llm-model <name>', 'the model to ask for', 'llama3.2')
  .option(
    '--faults',
    'test what each strategy survives, instead of speed; with --resume the matrix is added to that run',
  )
  .option(
    '--force',
    'measure several documents at a time on one thread even if the task is known to mix them up',
  )
  .option('--png', 'also write charts as PNG')
  .option('--interactive', 'interactive charts in report.html, even if the page gets large')
  .option('--no-interactive', 'only static charts')
  .option('--dry-run', 'print the plan and its estimated time, and stop')
  .option('--json', 'results as JSON on standard output')
  .action(async (flags, command: Command) => {
    if (flags.faults) {
      const { faultMatrix } = await import('./commands/faults.js');
      process.exitCode = await faultMatrix(flags, given(command, ['cli']));
    } else {
      const { bench } = await import('./commands/bench.js');
      const options = taskOptions(command);
      process.exitCode = await bench({ ...flags, ...options }, { ...given(command), ...options });
    }
  });

/** Adds the options that `pick` and `recommend` share. */
function constrained(command: Command): Command {
  return command
    .option('--max-memory <size>', 'memory limit of the whole process tree, like 512MB (default: no limit)')
    .option(
      '--isolation <kind>',
      'minimum isolation between a task and its caller: none, thread or process',
      'none',
    )
    .option(
      '--loop-delay <duration>',

      '99th percentile within which a server in the same process must answer, like 50ms (default: ' +
        'no limit)',
    )
    .option(
      '--latency-p99 <duration>',

      'maximum 99th percentile of the time from pulling a document until its outcome, in a closed loop ' +
        'at full load (default: no limit)',
    )
    .option(
      '--batch <documents>',

      'counts start-up: assumes that workers are restarted after this number of documents (default: ' +
        'not counted)',
    )
    .option(
      '--timeout <duration>',
      'time limit per document that is written into the recommendation (default: none)',
    );
}

constrained(
  withJobFile(program.command('pick'))
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
  forkwise pick --task ./parse.ts --docs ./samples --rate 200/s --latency-p99 200ms  # for a server
`,
    ),
)
  .option(
    '--task <file>',
    'your task: a module, TypeScript or JavaScript, like ./parse.ts or ./parse.ts#parse',
  )
  .option('--docs <folder or glob>', 'your documents')
  .option(
    '--max-calls <count>',
    'call the task no more often than this, for services that cost money (default: as often as the time ' +
      'allows)',
  )
  .option(
    '--rate <rate>',
    'documents arrive at this rate, like 200/s: the fewest cores that keep up with it, measured in open ' +
      'loops, where --latency-p99 counts from the arrival (default: the highest rate)',
  )
  .option(
    '--broker <url>',
    'measure strategies between machines, too: with this broker and the agents that are there, like ' +
      'redis://host:6379, or with ones that each trial starts (own) (default: no broker)',
  )
  .option('--time-budget <duration>', 'time for the whole command', '2m')
  .option('--seed <number>', 'seed of sample and order', '1')
  .option(
    '--out <folder>',
    'folder for the run and its recommendation.json; must be new (default: results/<date and time>)',
  )
  .option(
    '--force',
    'measure several documents at a time on one thread even if the task is known to mix them up',
  )
  .option('--json', 'the recommendation as JSON on standard output')
  .action(async (flags, command: Command) => {
    const { pick } = await import('./commands/pick.js');
    process.exitCode = await pick({ ...flags, ...taskOptions(command) });
  });

constrained(
  program
    .command('recommend')
    .description('decide again from a finished run, under other constraints, without measuring')
    .addHelpText(
      'before',
      `Examples:
  forkwise recommend results/monday --isolation process
  forkwise recommend results/server --rate 200/s --latency-p99 150ms     # after pick --rate 200/s
  forkwise recommend results/monday --workload markdown --corpus docs --max-memory 256MB --out advice.json
`,
    )
    .argument('<run>', "a run's folder"),
)
  .option('--workload <name>', 'workload to decide for, if the run has several')
  .option('--corpus <name>', 'corpus to decide for, if the run has several')
  .option(
    '--rate <rate>',
    'the fewest cores that keep up with this rate, like 200/s, from the open loops that the run has at it',
  )
  .option('--out <file>', 'write the recommendation there; must be new')
  .option('--json', 'the recommendation as JSON on standard output')
  .action(async (run, flags) => {
    const { recommend } = await import('./commands/recommend.js');
    process.exitCode = await recommend(run, flags);
  });

withJobFile(program.command('check'))
  .description(
    'is my task sound? Loads it in every kind of worker, and checks its results, its time and its memory',
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
  .option('--documents <count>', 'maximum number of documents', '40')
  .option('--timeout <duration>', 'time limit per document', '30s')
  .option(
    '--max-memory <size>',
    'the workers share 80 % of it, one per core, like 512MB (default: the memory there is)',
  )
  .option('--seed <number>', 'seed of the sample', '1')
  .option('--json', 'as JSON')
  .action(async (flags, command: Command) => {
    const { check } = await import('./commands/check.js');
    process.exitCode = await check({ ...flags, ...taskOptions(command) });
  });

program
  .command('report')
  .description(
    'make tables, charts and report of a run again from its trials; several runs are shown side ' + 'by side',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise report results/monday                                   # report.html, report.md, charts and tables
  forkwise report results/monday --project 5000000 --deadline 30m  # how many such machines would that take?
  forkwise report results/laptop results/server results/node-24    # several machines, or versions of Node
`,
  )
  .argument('<runs...>', 'folders of runs; one may be that of a dispatch benchmark')
  .option('--project <documents>', 'number of documents for the projections (default: 1000000)')
  .option('--deadline <duration>', 'time in which they must be done, like 30m (default: 1h)')
  .option('--png', 'also write charts as PNG')
  .option('--interactive', 'interactive charts in report.html, even if the page gets large')
  .option('--no-interactive', 'only static charts')
  .option('--json', 'results as JSON on standard output')
  .action(async (runs, _flags, command: Command) => {
    const { report } = await import('./commands/report.js');
    process.exitCode = await report(runs, given(command));
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
    const { compare } = await import('./commands/compare.js');
    process.exitCode = await compare(first, second, flags);
  });

program
  .command('doctor')
  .description('is this machine fit to measure on, and does the suite give the known answers?')
  .option('--json', 'as JSON')
  .action(async (flags) => {
    const { doctor } = await import('./commands/doctor.js');
    process.exitCode = await doctor(flags);
  });

program
  .command('overhead')
  .description(
    'measure what strategies and popular pools cost beside the task, and the shortest tasks ' +
      'they are worth it for',
  )
  .option('--strategies <names>', 'strategies and peers', 'peers')
  .option(
    '--lines <kinds>',
    'sessions; references: workers read files, or a resolve returns a buffer; runner: createRunner',
    'sessions,references,runner',
  )
  .option('--sizes <sizes>', 'sizes of documents', '0B,10KB,100KB,500KB')
  .option('--workers <counts>', 'worker counts', '1,2,4')
  .option('--rounds <count>', 'rounds after the sweep of configurations', '5')
  .option('--time <duration>', 'time of timed passes per trial', '200ms')
  .option('--seed <number>', 'seed of the order and the bootstrap', '1')
  .option('--out <folder>', 'where the results go; must be new (default: results/<date and time>)')
  .action(async (flags) => {
    const { overhead } = await import('./commands/overhead.js');
    process.exitCode = await overhead(flags);
  });

withJobFile(program.command('run'))
  .description(
    'process all your documents with one strategy and write a line of NDJSON each; if called ' +
      'again, it continues',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise run --config recommendation.json --docs './inbox/**' --out results.ndjson  # as \`pick\` found best
  forkwise run --task ./parse.ts --strategy queue --workers 4 --timeout 30s --docs ./inbox --out out.ndjson
  forkwise run --config recommendation.json --docs ./rows --shards ./vectors --shard-compression gzip
`,
  )
  .option(
    '--task <file>',
    'your task, TypeScript or JavaScript; ./parse.ts#parse names an export (default: that of --config)',
  )
  .option('--docs <folder or glob>', 'your documents; a folder includes everything in it')
  .option('--out <file>', 'file for one line per document; documents that have a line already are done')
  .option(
    '--shards <folder>',
    'in place of --out: a folder of NDJSON files of limited size, with their checksums in manifest.ndjson',
  )
  .option('--shard-size <size>', 'maximum size of a shard before it is compressed (default: 64MB)')
  .option('--shard-compression <kind>', 'none, gzip, or zstd from Node 22.15 on (default: none)')
  .option(
    '--order <order>',
    'write lines in the order of completion, or of the input: then a slow document holds later ones back',
    'completion',
  )
  .option('--config <file>', 'a recommendation.json; options on the command line take precedence')
  .option('--strategy <name>', 'as in "forkwise list"')
  .option(
    '--workers <count>',
    'worker threads or processes (default: that of --config, or the number of cores)',
  )
  .option(
    '--per-worker <count>',
    'documents at the same time in a worker, for tasks that wait (default: that of --config, or 1)',
  )
  .option(
    '--stages <split>',
    'in place of --workers, the workers of each stage of a task with stages, like load=1,encode=2,write=1',
  )
  .option(
    '--adaptive',
    'the documents that a worker runs at the same time follow the load (with async: documents in flight)',
  )
  .option('--timeout <duration>', 'a document that takes longer ends as timed-out, like 30s')
  .option(
    '--limit <limits>',
    'the service that the task calls accepts this much, like 100/s,600/60s,tokens=90000/60s',
  )
  .option(
    '--tries <count>',
    'try a document this often when its task marks the failure as retryable, or --retry-on names it',
  )
  .option('--retry-on <codes>', 'codes and HTTP statuses of failures to try again, like ECONNRESET,502')
  .option(
    '--fallback <json>',
    'the value of documents that fail for good, like null; they then count as ok, and are counted apart',
  )
  .option(
    '--circuit <time>',
    'while the service fails every document, wait this long for it to work again; then the job ends. 0s: ' +
      'not at all; off: go on (default: 10m with --limit or --tries, or else off)',
  )
  .option(
    '--cache <folder>',
    'keep results in this folder, and take them from there for documents with the same content',
  )
  .option(
    '--cache-size <size>',
    'the cache has at most this size, like 1GB; results that were not used for long are removed (default: ' +
      '10GB)',
  )
  .option(
    '--cache-verify <share>',
    'run this share of the documents whose results are kept again, like 1%, and stop using the cache when ' +
      'one has another result',
  )
  .option(
    '--serial',
    'run the documents one by one on the main thread, whatever the strategy and the workers, for a debugger',
  )
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
  .option(
    '--broker <url>',
    'the Redis of the agents that run the documents, for strategy broker (default: the variable ' +
      'FORKWISE_BROKER, which no process list shows, or else a Redis and agents of its own)',
  )
  .option('--retry <statuses>', 'run documents with these statuses again, like failed,timed-out,crashed')
  .option('--json', 'the summary as JSON on standard output; what tasks print goes to standard error')
  .option('--force', 'run several documents at a time on one thread even if the task is known to mix them up')
  .action(async (flags, command: Command) => {
    try {
      const { runDocuments } = await import('./commands/run.js');
      process.exitCode = await runDocuments(flags, { version, job: jobOf(command), command });
    } finally {
      endSoon();
    }
  });

program
  .command('agent')
  .description(
    'run documents for callers on other machines, which put them into a broker; one agent a machine',
  )
  .addHelpText(
    'before',
    `Examples:
  forkwise agent --broker redis://10.0.0.5:6379 --accept ./parse.ts
  forkwise agent --broker redis://10.0.0.5:6379 --accept any --config recommendation.json --health 8080
`,
  )
  .option(
    '--broker <url>',
    'the Redis of the callers; rediss:// with TLS (default: the variable FORKWISE_BROKER, which no process ' +
      'list shows)',
  )
  .requiredOption(
    '--accept <tasks>',
    'run these tasks alone: the SHA-256 of their bundles, paths of the same task here, or names of ' +
      'workloads; any: all that the broker has',
  )
  .option('--config <file>', 'a recommendation.json with strategy and workers for this machine')
  .option('--strategy <name>', 'one with worker threads or processes (default: that of --config, or queue)')
  .option(
    '--workers <count>',
    'worker threads or processes (default: that of --config, or the number of cores)',
  )
  .option('--credit <batches>', 'maximum number of batches that are here at a time (default: workers + 2)')
  .option('--project <folder>', 'folder whose packages and files the tasks use', '.')
  .option('--health <port>', 'answer /live and /ready on this port (default: no port)')
  .option(
    '--grace <duration>',
    'after Ctrl-C or SIGTERM, batches that are here have this long to finish',
    '25s',
  )
  .action(async (flags) => {
    try {
      const { agent } = await import('./commands/agent.js');
      process.exitCode = await agent(flags);
    } finally {
      endSoon(false);
    }
  });

program
  .command('list')
  .description('list what there is to choose from: workloads, strategies, peers, profiles, charts')
  .addOption(new Option('--json', 'as JSON'))
  .action(async (flags) => {
    const { list } = await import('./commands/list.js');
    process.exitCode = await list(flags);
  });

withJobFile(program.command('size'))
  .description('how many workers fit? Measures the memory of one worker alone, with the largest documents')
  .addHelpText(
    'before',
    `Examples:
  forkwise size --task ./parse.ts --docs './samples/**'  # here, and for 4 to 256 GB
  forkwise size --task ./parse.ts --docs ./samples --max-memory 2GB --cores 4 --json
`,
  )
  .option('--task <file>', 'your task, TypeScript or JavaScript; ./parse.ts#clean names an export')
  .option('--docs <folder or glob>', 'your documents')
  .option('--documents <count>', 'maximum number of documents, the largest first', '16')
  .option('--timeout <duration>', 'time limit per document', '30s')
  .option('--max-memory <size>', 'memory of the machine or container, like 512MB (default: that of this one)')
  .option('--cores <count>', 'cores of the machine or container (default: those of this one)')
  .option('--seed <number>', 'seed of the sample', '1')
  .option('--json', 'as JSON')
  .action(async (flags, command: Command) => {
    const { sizeCommand } = await import('./commands/size.js');
    process.exitCode = await sizeCommand({ ...flags, ...taskOptions(command) });
  });

program
  .command('config')
  .description('print what a command would do here: each option, its value and where the value comes from')
  .addHelpText(
    'before',
    `Examples:
  forkwise config                               # what the job file and the environment set
  forkwise config run                           # every option of \`run\`
  forkwise config pick --time-budget 30s --json # with options on the command line
`,
  )
  .argument('[command]', 'bench, pick, run, check or size (default: all of them, without defaults)')
  .argument('[options...]', 'options of that command')
  .option('--json', 'as JSON')
  .allowUnknownOption()
  .action(async (_name, _options, _flags, command: Command) => {
    const { config } = await import('./commands/config.js');
    process.exitCode = await config(program, command.args);
  });

/** Returns the options that were given, also by the job file unless `by` says less. */
function given(command: Command, by: readonly string[] = ['cli', 'env', 'config']): Record<string, never> {
  const isGiven = ([name]: [string, unknown]) =>
    name !== 'job' && by.includes(command.getOptionValueSource(name) as string);
  return Object.fromEntries(Object.entries(command.opts()).filter(isGiven)) as Record<string, never>;
}

/** What the job file says that tasks get as `context.options`, where it says something. */
function taskOptions(command: Command): { readonly options?: Record<string, unknown> } {
  const options = jobOf(command)?.content.options as Record<string, unknown> | undefined;
  return options === undefined ? {} : { options };
}
