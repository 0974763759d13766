import type { JobFile } from '../config/job-file.js';
import { sizeAt } from '../config/job-keys.js';
import { below } from '../config/kinds.js';
import { UsageError, unknownName } from '../errors.js';

/** A group of a job, as its job file says. */
export interface Group {
  readonly name: string;
  /** What the group says about options of `run`, by the keys of the job file. */
  readonly given: Readonly<Record<string, unknown>>;
  /** The task gets these. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Null: the group takes what is free, and at least one. */
  readonly cores: number | null;
  /** Null: a share of the job's memory that is as large as its share of the cores. */
  readonly memoryBytes: number | null;
  readonly after: readonly string[];
  /** The path of a module. */
  readonly reduce: string | null;
  readonly stopOnFailure: boolean;
}

export interface Plan {
  readonly groups: readonly Group[];
  /** What the job may use in all; null: what the machine has. */
  readonly cores: number | null;
  readonly memoryBytes: number | null;
  readonly reduce: string | null;
}

interface Section {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly resources?: { readonly cores?: number | string; readonly memory?: string };
  readonly after?: string | readonly string[];
  readonly reduce?: string;
  readonly stopOnFailure?: boolean;
}

/**
 * Reads the groups of a job file that has been checked; null where it has none.
 * @throws UsageError when groups wait for each other, or for one that does not exist
 */
export function planOf(job: JobFile): Plan | null {
  const content = job.content as Section & { readonly groups?: Readonly<Record<string, Section>> };
  if (content.groups === undefined) return null;
  const { cores, memoryBytes } = resourcesOf(job, [], content);
  const groups = Object.entries(content.groups).map(([name, section]): Group => {
    const { options = {}, resources: _, after = [], reduce, stopOnFailure, ...given } = section;
    return {
      name,
      given,
      options: { ...content.options, ...options },
      ...resourcesOf(job, ['groups', name], section),
      after: typeof after === 'string' ? [after] : after,
      reduce: reduce === undefined ? null : below(job.folder, reduce),
      stopOnFailure: stopOnFailure ?? content.stopOnFailure ?? false,
    };
  });
  for (const { name, after } of groups)
    for (const other of after)
      if (!groups.some((group) => group.name === other))
        throw new UsageError(
          `${job.at(['groups', name, 'after'])}: ${
            unknownName(
              'group in "after"',
              other,
              groups.map((group) => group.name),
            ).message
          }`,
        );
  refuseCycle(job, groups);
  return {
    groups,
    cores,
    memoryBytes,
    reduce: content.reduce === undefined ? null : below(job.folder, content.reduce),
  };
}

/** The module that a job without groups reduces its outcomes with; null where there is none. */
export function reduceOf(job: JobFile | null): string | null {
  const reduce = job?.content.reduce;
  return job === null || typeof reduce !== 'string' ? null : below(job.folder, reduce);
}

/** What tasks get as `context.options`; null where the job says nothing. */
export function optionsOf(job: JobFile | null): Readonly<Record<string, unknown>> | null {
  return (job?.content as Section | undefined)?.options ?? null;
}

function resourcesOf(job: JobFile, keys: readonly string[], { resources }: Section) {
  const { cores, memory } = resources ?? {};
  return {
    cores: cores === undefined ? null : Number(cores),
    memoryBytes: memory === undefined ? null : sizeAt(job, [...keys, 'resources', 'memory'], memory),
  };
}

function refuseCycle(job: JobFile, groups: readonly Group[]): void {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]) => {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' after ');
      throw new UsageError(
        `${job.at(['groups', name, 'after'])}: expected groups that do not wait for each other, got ${cycle}`,
      );
    }
    if (done.has(name)) return;
    const after = groups.find((group) => group.name === name)?.after ?? [];
    for (const other of after) visit(other, [...path, name]);
    done.add(name);
  };
  for (const { name } of groups) visit(name, []);
}
