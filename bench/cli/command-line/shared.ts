import type { Command } from 'commander';
import { jobOf } from '../../config/settle.js';

/** Several commands have these options, and read their values in the same way. */

/** Adds the options of commands that read a job file. */
export function withJobFile(command: Command): Command {
  return command
    .option(
      '--job <file>',
      'job file with values for options (default: forkwise.config.ts, .js, .json or .yaml in this folder)',
    )
    .option('--no-job', 'read no job file');
}

/** Returns the options that were given, also by the job file unless `by` says less. */
export function given(
  command: Command,
  by: readonly string[] = ['cli', 'env', 'config'],
): Record<string, never> {
  const isGiven = ([name]: [string, unknown]) =>
    name !== 'job' && by.includes(command.getOptionValueSource(name) as string);
  return Object.fromEntries(Object.entries(command.opts()).filter(isGiven)) as Record<string, never>;
}

/** What the job file says that tasks get as `context.options`, where it says something. */
export function taskOptions(command: Command): { readonly options?: Record<string, unknown> } {
  const options = jobOf(command)?.content.options as Record<string, unknown> | undefined;
  return options === undefined ? {} : { options };
}
