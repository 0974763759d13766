import type { Command, Option } from 'commander';
import { type Kind, kindOf } from './kinds.js';

/** An option of a command, as a job file and the environment name it. */
export interface Flag {
  /** Commander keeps the value under this name: the long flag in camelCase. */
  readonly name: string;
  /** The key in a job file. It differs from the name only where the job file itself is the configuration. */
  readonly key: string;
  readonly long: string;
  readonly variable: string;
  readonly kind: Kind;
  readonly about: string;
  readonly default: unknown;
}

/** `--config` names a recommendation; a job file is a configuration itself, so it needs the other word. */
const keys: Readonly<Record<string, string>> = { config: 'recommendation' };

/** The key of an option in a job file. */
export function keyOf(name: string): string {
  return Object.hasOwn(keys, name) ? (keys[name] as string) : name;
}

/** Returns true for commands that read a job file: they have the option `--job`. */
export function readsJobFile(command: Command): boolean {
  return command.options.some((option) => option.attributeName() === 'job');
}

/** Lists the options of a command that may be in a job file. The command line's own list is the only one. */
export function flagsOf(command: Command): Flag[] {
  const named = new Map<string, Option>();
  for (const option of command.options) {
    const name = option.attributeName();
    if (name !== 'job' && !named.has(name)) named.set(name, option);
  }
  return [...named].map(([name, option]) => ({
    name,
    key: keyOf(name),
    long: option.long as string,
    variable: variableOf(option.long as string),
    kind: kindOf(option),
    about: option.description,
    default: option.defaultValue,
  }));
}

/** `--time-budget` → `FORKWISE_TIME_BUDGET` */
function variableOf(long: string): string {
  return `FORKWISE_${long.replace(/^--/, '').replaceAll('-', '_').toUpperCase()}`;
}
