import type { Command } from 'commander';
import { taskOptions, withJobFile } from './shared.js';

/** `forkwise pick` */
export function addPick(program: Command): void {
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
      const { pick } = await import('../commands/pick.js');
      process.exitCode = await pick({ ...flags, ...taskOptions(command) });
    });
}

/** `forkwise recommend` */
export function addRecommend(program: Command): void {
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
      const { recommend } = await import('../commands/recommend.js');
      process.exitCode = await recommend(run, flags);
    });
}

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
