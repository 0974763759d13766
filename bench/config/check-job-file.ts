import type { Command } from 'commander';
import { UsageError, unknownName } from '../errors.js';
import { type Flag, flagsOf, keyOf, readsJobFile } from './flags.js';
import { inWords, type JobFile } from './job-file.js';

/** These keys at the top of a job file are for one command, because others mean something else by them. */
const runsOwn: readonly string[] = ['out'];

/** Commands that read a job file; each may have a section of its name in it. */
export function jobCommands(commands: readonly Command[]): Command[] {
  return commands.filter(readsJobFile);
}

/** The options that may be at the top of a job file. Those of the same key take the same values. */
export function topFlags(commands: readonly Command[]): Map<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const command of byRun(jobCommands(commands)))
    for (const flag of flagsOf(command)) if (!flags.has(flag.key)) flags.set(flag.key, flag);
  return flags;
}

/** Where `run` has an option, its kind is that of the key. */
function byRun(commands: readonly Command[]): Command[] {
  return commands.toSorted((a, b) => Number(b.name() === 'run') - Number(a.name() === 'run'));
}

/** The value of a job file for an option of a command: that of the command's section, or that of the top. */
export function givenTo(
  job: JobFile,
  command: Command,
  key: string,
): { readonly value: unknown; readonly keys: readonly string[] } | undefined {
  const section = job.content[command.name()] as Record<string, unknown> | undefined;
  if (section !== undefined && Object.hasOwn(section, key))
    return { value: section[key], keys: [command.name(), key] };
  if (runsOwn.includes(key) && command.name() !== 'run') return undefined;
  return Object.hasOwn(job.content, key) ? { value: job.content[key], keys: [key] } : undefined;
}

/** A key that is no option: see `job-keys.ts`. */
export interface OtherKey {
  check(job: JobFile, keys: readonly string[], value: unknown, run: Command): void;
}

/** Checks all keys and the kinds of all values, also those for other commands. @throws UsageError */
export function checkJobFile(
  job: JobFile,
  commands: readonly Command[],
  others: Readonly<Record<string, OtherKey>>,
): void {
  const sections = new Map(jobCommands(commands).map((command) => [command.name(), command]));
  const top = topFlags(commands);
  const known = [...top.keys(), ...Object.keys(others), ...sections.keys()];
  for (const [key, value] of Object.entries(job.content)) {
    const command = sections.get(key);
    if (key === '$schema') continue;
    if (Object.hasOwn(others, key)) {
      others[key]?.check(job, [key], value, sections.get('run') as Command);
      continue;
    }
    if (command !== undefined)
      checkSection(job, [key], new Map(flagsOf(command).map((flag) => [flag.key, flag])));
    else checkValue(job, { keys: [key], flag: top.get(key), known, value });
  }
}

function checkSection(job: JobFile, keys: readonly string[], flags: ReadonlyMap<string, Flag>): void {
  const section = sectionAt(job, keys);
  for (const [key, value] of Object.entries(section))
    checkValue(job, { keys: [...keys, key], flag: flags.get(key), known: [...flags.keys()], value });
}

/** The object at a path of keys. @throws UsageError if it is none */
export function sectionAt(job: JobFile, keys: readonly string[]): Record<string, unknown> {
  let value: unknown = job.content;
  for (const key of keys) value = (value as Record<string, unknown>)[key];
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UsageError(`${job.at(keys)}: ${keys.join('.')}: expected an object, got ${inWords(value)}`);
}

export interface GivenValue {
  readonly keys: readonly string[];
  readonly flag: Flag | undefined;
  readonly known: readonly string[];
  readonly value: unknown;
}

/** @throws UsageError for an unknown key, or a value of another kind */
export function checkValue(job: JobFile, { keys, flag, known, value }: GivenValue): void {
  const at = job.at(keys);
  if (flag === undefined) refuseKey(job, keys, known);
  else if (flag.kind.read(value) === undefined)
    throw new UsageError(`${at}: ${keys.join('.')}: expected ${flag.kind.expected}, got ${inWords(value)}`);
}

/** @throws UsageError that names the keys that are known there */
export function refuseKey(job: JobFile, keys: readonly string[], known: readonly string[]): never {
  const name = keys.at(-1) as string;
  const within = keys.length > 1 ? `in "${keys.slice(0, -1).join('.')}"` : '';
  const key = keyOf(name); // an option whose key is another word
  if (key !== name && known.includes(key))
    throw new UsageError(`${job.at(keys)}: unknown key "${name}"; --${name} is "${key}" in a job file`);
  throw new UsageError(`${job.at(keys)}: ${unknownName('key', name, known, within).message}`);
}
