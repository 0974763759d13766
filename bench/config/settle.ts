import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { type Flag, flagsOf, readsJobFile } from './flags.js';
import type { JobFile } from './job-file.js';
import { below, flag, fromVariable } from './kinds.js';

/** Commander's words for where a value comes from. */
export type Source = 'cli' | 'env' | 'config' | 'default';

export interface SettleOptions {
  /** The words after the command. */
  readonly args: readonly string[];
  /** Says which job file was found. */
  readonly say: (text: string) => void;
}

/** Results go to one place: a flag that names it takes the place of these. */
const rivals: Readonly<Record<string, readonly string[]>> = {
  out: ['shards', 'shardSize', 'shardCompression'],
  shards: ['out'],
};

const jobs = new WeakMap<Command, JobFile>();

/** The job file that a command was given, or has found. */
export function jobOf(command: Command): JobFile | null {
  return jobs.get(command) ?? null;
}

/**
 * Sets the options of a command that the environment and the job file give. An option on the command line
 * comes first, then `FORKWISE_<FLAG>`, then the job file, then the default.
 * @throws UsageError when the job file or a variable cannot be used
 */
export async function settle(command: Command, { args, say }: SettleOptions): Promise<void> {
  if (!readsJobFile(command) || args.includes('--help') || args.includes('-h')) return;
  command.parseOptions([...args]);
  // A run that continues has its options in its own folder.
  if (command.getOptionValue('resume') !== undefined) return;
  const job = await chosenJob(command, say);
  if (job !== null) jobs.set(command, job);
  const fromFile = job === null ? null : await valuesOf(job, command);
  if (job !== null && leavesGroups(command, job)) {
    const [place, name] = [job.at(['groups']), command.name()];
    say(`${place}: the groups are for \`run\`: \`${name}\` takes the options beside them`);
  }
  const flags = flagsOf(command).filter(({ name }) => command.getOptionValueSource(name) !== 'cli');
  const settled = Object.keys(rivals).filter((name) => command.getOptionValueSource(name) === 'cli');
  const isSettled = ({ name }: Flag) => settled.some((given) => rivals[given]?.includes(name));
  for (const flag of flags) {
    if (isSettled(flag)) continue;
    const variable = process.env[flag.variable];
    if (variable !== undefined && variable !== '')
      command.setOptionValueWithSource(flag.name, variableValue(flag, variable), 'env');
    else if (fromFile?.has(flag.key))
      command.setOptionValueWithSource(flag.name, fromFile.get(flag.key), 'config');
  }
}

/** Only `run` runs groups, and `config` shows them. */
function leavesGroups(command: Command, { content }: JobFile): boolean {
  return Object.hasOwn(content, 'groups') && !['run', 'config'].includes(command.name());
}

async function chosenJob(command: Command, say: (text: string) => void): Promise<JobFile | null> {
  const asked = command.getOptionValue('job') ?? (process.env.FORKWISE_JOB || undefined);
  if (asked === false || (asked === undefined && isSet('FORKWISE_NO_JOB'))) return null;
  const { foundJobFile, readJobFile } = await import('./job-file.js');
  const found = asked ?? foundJobFile();
  if (found === null) return null;
  if (asked === undefined) say(`job file: ${found} (--no-job ignores it)`);
  return readJobFile(found);
}

/** @throws UsageError for a value that is no switch */
function isSet(variable: string): boolean {
  const text = process.env[variable] ?? '';
  const value = text === '' ? false : fromVariable(text, flag);
  if (typeof value === 'boolean') return value;
  throw new UsageError(`${variable}: expected ${flag.expected}, got "${text}"`);
}

/** The values that a checked job file has for a command, by their keys. */
async function valuesOf(job: JobFile, command: Command): Promise<Map<string, string | boolean>> {
  const { checkJobFile, givenTo } = await import('./check-job-file.js');
  const { jobKeys } = await import('./job-keys.js');
  checkJobFile(job, (command.parent ?? command).commands, jobKeys);
  return new Map(
    flagsOf(command).flatMap(({ key, kind }) => {
      const given = givenTo(job, command, key);
      if (given === undefined) return [];
      const value = kind.read(given.value) as string | boolean;
      return [[key, kind.isPath ? below(job.folder, value as string) : value]];
    }),
  );
}

function variableValue({ variable, kind }: Flag, text: string): string | boolean {
  const value = kind.read(fromVariable(text, kind));
  if (value !== undefined) return value;
  throw new UsageError(`${variable}: expected ${kind.expected}, got "${text}"`);
}
