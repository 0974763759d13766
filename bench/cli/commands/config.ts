import type { Command } from 'commander';
import { givenTo, jobCommands } from '../../config/check-job-file.js';
import { type Flag, flagsOf } from '../../config/flags.js';
import type { JobFile } from '../../config/job-file.js';
import { groupFlags, jobKeys } from '../../config/job-keys.js';
import { below } from '../../config/kinds.js';
import { jobOf, settle } from '../../config/settle.js';
import { UsageError, unknownName } from '../../errors.js';
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
  // Without a command, options such as --job are for all of them.
  const name = words[0]?.startsWith('-') ? undefined : words[0];
  const args = words.slice(name === undefined ? 0 : 1);
  const named = commands.find((command) => command.name() === name);
  if (name !== undefined && named === undefined)
    throw unknownName(
      'command',
      name,
      commands.map((command) => command.name()),
    );
  const shown = named === undefined ? commands : [named];
  const settings: Record<string, readonly Setting[]> = {};
  let job: JobFile | null = null;
  for (const command of shown) {
    await settle(command, { args, say: () => {} });
    const { unknown, operands } = command.parseOptions(args);
    if (unknown.length > 0 || operands.length > 0)
      throw unknownName(
        `option of ${command.name()}`,
        (unknown[0] ?? operands[0]) as string,
        flagsOf(command).map(({ long }) => long),
      );
    for (const flag of flagsOf(command)) refuseOther(command, flag);
    job ??= jobOf(command);
    const all = flagsOf(command).map((flag) => settingOf(command, flag));
    settings[command.name()] = named === undefined ? all.filter(({ origin }) => origin !== byDefault) : all;
  }
  const run = shown.find((command) => command.name() === 'run');
  const whole = job === null ? [] : settingsOfJob(job);
  const groups = job === null || run === undefined ? {} : settingsOfGroups(job, run);
  if (json) {
    const path = job?.path ?? null;
    print(`${JSON.stringify({ job: path, commands: settings, ofJob: whole, groups }, null, 2)}\n`);
  } else {
    note(`job file: ${job?.path ?? 'none'}`);
    const named = Object.entries(groups).map(([name, all]) => [`group ${name} (run)`, all] as const);
    print(
      inTables({
        ...settings,
        ...(whole.length > 0 && { 'the whole job': whole }),
        ...Object.fromEntries(named),
      }),
    );
  }
  return 0;
}

/**
 * The job file and variables are checked when they are read, and so is the command line here.
 * @throws UsageError for a value of another kind than the option takes
 */
function refuseOther(command: Command, { name, long, kind }: Flag): void {
  if (command.getOptionValueSource(name) !== 'cli') return;
  const value = command.getOptionValue(name);
  if (typeof value !== 'string' || kind.read(value) !== undefined) return;
  throw new UsageError(`${long}: expected ${kind.expected}, got "${value}"`);
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

/** What the job file says beside options. */
function settingsOfJob(job: JobFile): Setting[] {
  return Object.keys(jobKeys).flatMap((key) =>
    key === 'groups' || !Object.hasOwn(job.content, key)
      ? []
      : [{ option: key, value: job.content[key], origin: job.at([key]) }],
  );
}

/** What each group says for itself. The command line and variables come before it. */
function settingsOfGroups(job: JobFile, run: Command): Record<string, readonly Setting[]> {
  const flags = new Map(groupFlags(run).map((flag) => [flag.key, flag]));
  const groups = (job.content.groups ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return Object.fromEntries(
    Object.entries(groups).map(([name, section]) => [
      name,
      Object.entries(section).map(([key, given]): Setting => {
        const flag = flags.get(key);
        const origin = job.at(['groups', name, key]);
        if (flag === undefined) return { option: key, value: given, origin };
        if (['cli', 'env'].includes(run.getOptionValueSource(flag.name) ?? '')) return settingOf(run, flag);
        const value = flag.kind.read(given);
        const path = flag.kind.isPath ? below(job.folder, value as string) : value;
        return { option: flag.long, value: withoutPassword(path), origin };
      }),
    ]),
  );
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
      value === null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value),
      origin,
    ]);
    const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
    const line = (row: readonly string[]) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`;
    return `${command}\n${rows.map(line).join('\n')}\n`;
  });
  return parts.join('\n');
}
