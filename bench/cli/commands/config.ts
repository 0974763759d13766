import type { Command } from 'commander';
import { givenTo, jobCommands } from '../../config/check-job-file.js';
import { type Flag, flagsOf } from '../../config/flags.js';
import { jobOf, settle } from '../../config/settle.js';
import { unknownName } from '../../errors.js';
import { note, print } from '../terminal.js';

/** An option with the value that a command would use. */
interface Setting {
  readonly option: string;
  /** Null: the command decides by itself. */
  readonly value: unknown;
  readonly origin: string;
}

/**
 * `forkwise config`: prints the value of each option, and where it comes from.
 * @param words the command and options for it
 * @returns the exit code
 */
export async function config(program: Command, words: readonly string[]): Promise<number> {
  const { json } = (program.commands.find((command) => command.name() === 'config') as Command).opts();
  const commands = jobCommands(program.commands);
  const [name, ...args] = words;
  const named = commands.find((command) => command.name() === name);
  if (name !== undefined && named === undefined)
    throw unknownName(
      'command',
      name,
      commands.map((command) => command.name()),
    );
  const shown = named === undefined ? commands : [named];
  const settings: Record<string, readonly Setting[]> = {};
  let job: string | null = null;
  for (const command of shown) {
    await settle(command, { args, say: () => {} });
    const { unknown, operands } = command.parseOptions(args);
    if (unknown.length > 0 || operands.length > 0)
      throw unknownName(
        `option of ${command.name()}`,
        (unknown[0] ?? operands[0]) as string,
        flagsOf(command).map(({ long }) => long),
      );
    job ??= jobOf(command)?.path ?? null;
    const all = flagsOf(command).map((flag) => settingOf(command, flag));
    settings[command.name()] = named === undefined ? all.filter(({ origin }) => origin !== byDefault) : all;
  }
  if (json) print(`${JSON.stringify({ job, commands: settings }, null, 2)}\n`);
  else {
    note(`job file: ${job ?? 'none'}`);
    print(inTables(settings));
  }
  return 0;
}

const byDefault = 'default';

function settingOf(command: Command, flag: Flag): Setting {
  const value = command.getOptionValue(flag.name) ?? null;
  const source = command.getOptionValueSource(flag.name);
  const job = jobOf(command);
  const keys = job === null ? undefined : givenTo(job, command, flag.key)?.keys;
  const origins: Readonly<Record<string, string | undefined>> = {
    cli: 'command line',
    env: flag.variable,
    config: job?.at(keys ?? []),
  };
  return {
    option: flag.long,
    value: withoutPassword(value),
    origin: origins[source ?? byDefault] ?? byDefault,
  };
}

/** The address of a broker may have a password, which is not for logs. */
function withoutPassword(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/^(\w+:\/\/[^:@/]*:)[^@/]+@/, '$1…@') : value;
}

function inTables(settings: Readonly<Record<string, readonly Setting[]>>): string {
  const parts = Object.entries(settings).map(([command, all]) => {
    if (all.length === 0) return `${command}: every option has its default\n`;
    const rows = all.map(({ option, value, origin }) => [
      option,
      value === null ? '–' : String(value),
      origin,
    ]);
    const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
    const line = (row: readonly string[]) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`;
    return `${command}\n${rows.map(line).join('\n')}\n`;
  });
  return parts.join('\n');
}
