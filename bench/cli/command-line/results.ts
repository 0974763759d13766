import type { Command } from 'commander';
import { given } from './shared.js';

/** Commands that read finished runs. */

/** `forkwise report` */
export function addReport(program: Command): void {
  program
    .command('report')
    .description(
      'make tables, charts and report of a run again from its trials; several runs are shown side ' +
        'by side',
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
      const { report } = await import('../commands/report.js');
      process.exitCode = await report(runs, given(command));
    });
}

/** `forkwise compare` */
export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('is the second run faster or slower than the first?')
    .argument('<first>', "a run's folder")
    .argument('<second>', "a run's folder, of the same machine, Node major and documents")
    .option('--force', 'compare runs that differ in machine, Node major or documents')
    .option('--strict', 'exit with 6 when a comparison is inconclusive')
    .option('--json', 'as JSON')
    .action(async (first, second, flags) => {
      const { compare } = await import('../commands/compare.js');
      process.exitCode = await compare(first, second, flags);
    });
}
