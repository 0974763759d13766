import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { parseSize } from '../words/parse.js';
import { checkValue, refuseKey, sectionAt } from './check-job-file.js';
import { type Flag, flagsOf } from './flags.js';
import { inWords, type JobFile } from './job-file.js';
import { kindNamed } from './kinds.js';

/**
 * The keys of a job file that are no options of the command line: what a job consists of.
 */

type Schema = Readonly<Record<string, unknown>>;

/** Checks the value at a path of keys. @throws UsageError */
type Check = (job: JobFile, keys: readonly string[], value: unknown, run: Command) => void;

interface JobKey {
  readonly about: string;
  readonly schema: (run: Command) => Schema;
  readonly check: Check;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(job: JobFile, keys: readonly string[], expected: string, value: unknown): never {
  throw new UsageError(`${job.at(keys)}: ${keys.join('.')}: expected ${expected}, got ${inWords(value)}`);
}

const options: JobKey = {
  about: 'the task gets these as `context.options`',
  schema: () => ({ type: 'object' }),
  check(job, keys, value) {
    if (!isObject(value)) refuse(job, keys, 'an object', value);
  },
};

const reduce: JobKey = {
  about: 'a module whose default export gets the outcomes, as an async iterable, when all are there',
  schema: () => kindNamed('file').schema,
  check(job, keys, value) {
    const kind = kindNamed('file');
    if (kind.read(value) === undefined) refuse(job, keys, kind.expected, value);
  },
};

const stopOnFailure: JobKey = {
  about: 'start nothing more when a group has ended with documents that are not ok (default: false)',
  schema: () => ({ type: 'boolean' }),
  check(job, keys, value) {
    if (typeof value !== 'boolean') refuse(job, keys, 'true or false', value);
  },
};

const resources: JobKey = {
  about: 'workers, and memory such as 4GB, that are used at the same time',
  schema: () => ({
    type: 'object',
    additionalProperties: false,
    properties: { cores: kindNamed('count').schema, memory: kindNamed('size').schema },
  }),
  check(job, keys) {
    const known = ['cores', 'memory'];
    for (const [key, value] of Object.entries(sectionAt(job, keys))) {
      if (!known.includes(key)) refuseKey(job, [...keys, key], known);
      const kind = kindNamed(key === 'cores' ? 'count' : 'size');
      if (kind.read(value) === undefined) refuse(job, [...keys, key], kind.expected, value);
      if (key === 'memory') sizeAt(job, [...keys, key], value as string);
    }
  },
};

/** @throws UsageError that says where the size is */
export function sizeAt(job: JobFile, keys: readonly string[], value: string): number {
  try {
    return parseSize(value, keys.join('.'));
  } catch (cause) {
    throw new UsageError(
      `${job.at(keys)}: ${keys.join('.')}: expected ${kindNamed('size').expected}, got "${value}"`,
      { cause },
    );
  }
}

const after: JobKey = {
  about: 'groups that are done before this one begins',
  schema: () => ({
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  }),
  check(job, keys, value) {
    const names = Array.isArray(value) ? value : [value];
    if (!names.every((name) => typeof name === 'string' && name !== ''))
      refuse(job, keys, 'the name of a group, or a list of names', value);
  },
};

const ofGroup: Readonly<Record<string, JobKey>> = { options, reduce, resources, after, stopOnFailure };

/** These options are those of the whole job. */
const ofJob: readonly string[] = [
  'out',
  'shards',
  'shardSize',
  'shardCompression',
  'order',
  'json',
  'grace',
  'serial',
];

/** The options that each group may have for itself. */
export function groupFlags(run: Command): Flag[] {
  return flagsOf(run).filter(({ name }) => !ofJob.includes(name));
}

const nameShape = /^[\w-][\w.-]*$/;

const groups: JobKey = {
  about: 'groups of documents by name, each with a task; what a group does not say is that of the job',
  schema: (run) => ({
    type: 'object',
    minProperties: 1,
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ...Object.fromEntries(
          groupFlags(run).map(({ key, about, kind }) => [key, { description: about, ...kind.schema }]),
        ),
        ...schemasOf(ofGroup, run),
      },
    },
  }),
  check(job, keys, value, run) {
    if (!isObject(value)) refuse(job, keys, 'groups by name', value);
    if (Object.keys(value).length === 0)
      throw new UsageError(`${job.at(keys)}: ${keys.join('.')}: expected groups by name, got none`);
    const flags = new Map(groupFlags(run).map((flag) => [flag.key, flag]));
    const known = [...flags.keys(), ...Object.keys(ofGroup)];
    for (const name of Object.keys(value)) {
      const at = [...keys, name];
      if (!nameShape.test(name))
        throw new UsageError(
          `${job.at(at)}: expected a group's name of letters, digits, "_", "-" and ".", got "${name}"`,
        );
      for (const [key, given] of Object.entries(sectionAt(job, at))) {
        const own = Object.hasOwn(ofGroup, key) ? ofGroup[key] : undefined;
        if (own !== undefined) own.check(job, [...at, key], given, run);
        else checkValue(job, { keys: [...at, key], flag: flags.get(key), known, value: given });
      }
    }
  },
};

/** The keys that may be at the top of a job file. */
export const jobKeys: Readonly<Record<string, JobKey>> = {
  groups,
  options,
  reduce,
  resources,
  stopOnFailure,
};

export function schemasOf(keys: Readonly<Record<string, JobKey>>, run: Command): Schema {
  return Object.fromEntries(
    Object.entries(keys).map(([key, { about, schema }]) => [key, { description: about, ...schema(run) }]),
  );
}
