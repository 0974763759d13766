import { CommanderError } from 'commander';
import { settle } from '../config/settle.js';
import { exitCode } from '../errors.js';
import { program } from './command-line.js';
import { failureOf } from './failure.js';
import { colorsFor, note } from './terminal.js';

let isPrinted = true;
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // A reader that stops reading (`| head`) is no failure, and does not end a run.
  if (code === 'EPIPE' || !isPrinted) return;
  isPrinted = false;
  note(`${colorsFor(process.stderr).red('error:')} cannot write to standard output: ${message}`);
});
process.stderr.on('error', () => {}); // there is no other place to say it
process.on('exit', (code) => {
  if (!isPrinted && code === exitCode.ok) process.exitCode = exitCode.failed;
});

// Values of the job file and of the environment are set before the command line is parsed.
program.hook('preSubcommand', (_, command) => settle(command, { args: program.args.slice(1), say: note }));

/** An unknown command beside `--help` is refused as it is without: commander would print the general help. */
function words(): string[] {
  const [name, ...rest] = process.argv.slice(2);
  if (name === undefined || name.startsWith('-') || name === 'help') return process.argv;
  const isKnown = program.commands.some((command) => command.name() === name);
  const isHelp = (word: string) => word === '--help' || word === '-h';
  return isKnown
    ? process.argv
    : [...process.argv.slice(0, 2), name, ...rest.filter((word) => !isHelp(word))];
}

try {
  await program.parseAsync(words());
} catch (error) {
  process.exitCode = report(error);
}

/** @returns the exit code */
function report(thrown: unknown): number {
  // commander has printed its own message already; --help and --version end here too.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCode.ok : exitCode.usage;
  const { code, text } = failureOf(thrown);
  note(`${colorsFor(process.stderr).red('error:')} ${text}`);
  return code;
}
