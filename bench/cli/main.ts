import { CommanderError } from 'commander';
import { settle } from '../config/settle.js';
import { exitCode } from '../errors.js';
import { program } from './command-line.js';
import { colorsFor, note } from './terminal.js';

// A reader that stops reading (`| head`) is no failure, and does not end a run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Values of the job file and of the environment are set before the command line is parsed.
program.hook('preSubcommand', (_, command) => settle(command, { args: program.args.slice(1), say: note }));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error as Error);
}

/** Prints a message that a person can act on, and a stack only for our own bugs. @returns the exit code */
function report(error: Error): number {
  // commander has printed its own message already; --help and --version end here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  const code = {
    UsageError: exitCode.usage,
    RecommendationError: exitCode.usage,
    CorpusError: exitCode.invalid,
    WorkloadError: exitCode.invalid,
    UnfitError: exitCode.invalid,
    NoPackages: exitCode.invalid,
    RunError: exitCode.failed,
    NoBroker: exitCode.failed,
    NoAgent: exitCode.failed,
    RunLost: exitCode.failed,
  }[error.name];
  const message = code === undefined ? (error.stack ?? error.message) : error.message;
  note(`${colorsFor(process.stderr).red('error:')} ${message}`);
  return code ?? exitCode.internal;
}
