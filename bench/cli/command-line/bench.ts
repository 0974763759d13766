import type { Command } from 'commander';
import { given, taskOptions, withJobFile } from './shared.js';

const benchExamples = `Examples:
  forkwise bench                                                    # made-up documents, 6 minutes
  forkwise bench --docs 'node_modules/**/*.md' --workloads markdown # real documents
  forkwise bench --task ./parse.ts --docs ./samples                 # your task on your documents
  forkwise bench --workloads compress --sizes 10KB,mixed --workers 1,2 --dry-run
  forkwise bench --strategies sequential,thread-pool,tinypool       # against pools of others
  forkwise bench --workloads word-frequency --sizes 10KB --arrivals poisson  # latency as a server feels it
  forkwise bench --faults                                           # what each strategy survives, 5 minutes
`;

/** `forkwise bench` */
export function addBench(program: Command): void {
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
      'memory: documents are in memory before the clock starts; files: every configuration starts from ' +
        'their names and reading counts (only with --docs; default: memory)',
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
        const { faultMatrix } = await import('../commands/faults.js');
        process.exitCode = await faultMatrix(flags, given(command, ['cli']));
      } else {
        const { bench } = await import('../commands/bench.js');
        const options = taskOptions(command);
        process.exitCode = await bench({ ...flags, ...options }, { ...given(command), ...options });
      }
    });
}

/** `forkwise overhead` */
export function addOverhead(program: Command): void {
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
    .option('--rounds <count>', 'rounds after the sweep of configurations', '3')
    .option('--warmup <duration>', 'time of passes before the clock counts, per trial', '1s')
    .option('--time <duration>', 'time of timed passes per trial', '200ms')
    .option('--seed <number>', 'seed of the order and the bootstrap', '1')
    .option('--out <folder>', 'where the results go; must be new (default: results/<date and time>)')
    .option('--resume <run>', 'continue a run that was interrupted or killed; no finished trial is repeated')
    .action(async (flags, command: Command) => {
      const { overhead } = await import('../commands/overhead.js');
      process.exitCode = await overhead(flags, given(command));
    });
}
