import type { Command } from 'commander';
import { taskOptions, withJobFile } from './shared.js';

/** Commands that look at a task before it is measured. */

/** `forkwise check` */
export function addCheck(program: Command): void {
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
    .option('--documents <count>', 'maximum number of documents; a slow task is tried on fewer', '40')
    .option('--timeout <duration>', 'time limit per document', '30s')
    .option(
      '--max-memory <size>',
      'the workers share 80 % of it, one per core, like 512MB (default: the memory there is)',
    )
    .option('--seed <number>', 'seed of the sample', '1')
    .option('--json', 'as JSON')
    .action(async (flags, command: Command) => {
      const { check } = await import('../commands/check.js');
      process.exitCode = await check({ ...flags, ...taskOptions(command) });
    });
}

/** `forkwise size` */
export function addSize(program: Command): void {
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
    .option(
      '--max-memory <size>',
      'memory of the machine or container, like 512MB (default: that of this one)',
    )
    .option('--cores <count>', 'cores of the machine or container (default: those of this one)')
    .option('--seed <number>', 'seed of the sample', '1')
    .option('--json', 'as JSON')
    .action(async (flags, command: Command) => {
      const { sizeCommand } = await import('../commands/size.js');
      process.exitCode = await sizeCommand({ ...flags, ...taskOptions(command) });
    });
}
