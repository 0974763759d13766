import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { RunError, UsageError } from '../errors.js';

/** The subject of a job. Results of another task, or of other documents, are never mixed with its own. */
export interface Job {
  readonly task: { readonly file: string; readonly export: string; readonly sha256: string };
  /** The pattern is kept as it was given. */
  readonly docs: string;
  /** The real path of the folder that all documents are in. */
  readonly root: string;
}

/**
 * The content of `results.ndjson.json`, which says which job the results belong to. Schema 1 (version 0.1)
 * knew the documents as paths from the folder in which the job was started, and no root.
 */
type Sidecar = {
  readonly forkwise: string;
  readonly started: string;
  /** The job has this name on a broker. Versions before 0.3 wrote none. */
  readonly run?: string;
} & (({ readonly schema: 2 } & Job) | ({ readonly schema: 1 } & Omit<Job, 'root'>));

export function sidecarOf(path: string): string {
  return `${path}.json`;
}

/**
 * Writes the sidecar of results at `path` that have no line yet. Where the same job has begun them, it keeps
 * its name: a call that was killed before the first line has left its run on a broker under that name.
 * @throws RunError when it cannot be written
 */
export function writeSidecar(path: string, job: Job, forkwise: string): void {
  const started = new Date().toISOString();
  const sidecar: Sidecar = { schema: 2, forkwise, ...job, started, run: begunRun(path, job) ?? randomUUID() };
  const file = sidecarOf(path);
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(sidecar, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  } catch (cause) {
    rmSync(`${file}.new`, { force: true }); // a full disk leaves an empty file
    throw new RunError(`cannot write "${file}": ${(cause as Error).message}`, { cause });
  }
}

/** The place of a job's results, as messages name it. */
export interface Place {
  readonly flag: string;
  /** The flag was given with this path. */
  readonly given: string;
  /** Sidecar and lock are beside this file. */
  readonly path: string;
  /** Returns true when no document has a line there. */
  isEmpty(): boolean;
}

/**
 * @returns the schema of the results at a place; null when there are none yet. With schema 1 the lines say
 * whether the documents are the same.
 * @throws UsageError when the results belong to another job
 */
export function refuseOthers({ flag, given, path, isEmpty }: Place, job: Job): Sidecar['schema'] | null {
  const choose = `choose another ${flag}, or move it away`;
  const entry = entryAt(path);
  if (entry !== undefined && !entry.isFile())
    throw new UsageError(`${flag} "${given}": expected the path of a file, and it is none; ${choose}`);
  const sidecar = readSidecar(path);
  if (sidecar === 'other')
    throw new UsageError(
      `${flag} "${given}": "${sidecarOf(path)}" is there and was not written by forkwise; ${choose}`,
    );
  if (entry === undefined) return null;
  if (sidecar === null)
    throw new UsageError(
      `${flag} "${given}": the file is there, and not one that \`forkwise run\` began ` +
        `(no "${sidecarOf(path)}"); ${choose}`,
    );
  if (isEmpty()) return null; // a task that did not load may be mended
  if (sidecar.schema === 2 && sidecar.root !== job.root)
    throw new UsageError(
      `${flag} "${given}" holds results of the documents in "${sidecar.root}"; ` +
        `these are other documents, in "${job.root}"; ${choose}`,
    );
  if (sidecar.task.sha256 !== job.task.sha256)
    throw new UsageError(
      `${flag} "${given}" holds results of another task, or of "${sidecar.task.file}" before it was ` +
        `changed: results of both would be mixed; ${choose}`,
    );
  return sidecar.schema;
}

/** @returns what there is at a path, if anything. @throws RunError when the system does not say */
export function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new RunError(`cannot write "${path}": ${(cause as Error).message}`, { cause });
  }
}

/** The documents as they were given to the job that began the results at `path`. */
export function docsOf(path: string): string {
  return (readSidecar(path) as Sidecar).docs;
}

/**
 * Returns the name of the job on a broker. When the job is stopped and continues, it has the same name, and
 * finds there what it has left.
 */
export function runOf(path: string): string {
  const { run, started, task } = readSidecar(path) as Sidecar;
  return run ?? `${task.sha256.slice(0, 16)}-${Date.parse(started)}`;
}

/** Returns the name of the same job, if it has begun the results at `path`. */
function begunRun(path: string, job: Job): string | null {
  const sidecar = readSidecar(path);
  if (sidecar === null || sidecar === 'other' || sidecar.schema !== 2) return null;
  const isSame = sidecar.root === job.root && sidecar.task.sha256 === job.task.sha256;
  return isSame && entryAt(path) !== undefined ? runOf(path) : null;
}

/** Null when there is none; `other` when the file is not one of ours. */
function readSidecar(path: string): Sidecar | 'other' | null {
  let text: string;
  try {
    text = readFileSync(sidecarOf(path), 'utf8');
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'other';
  }
  try {
    const sidecar = JSON.parse(text) as Sidecar;
    const isOurs =
      (sidecar.schema === 1 || (sidecar.schema === 2 && typeof sidecar.root === 'string')) &&
      typeof sidecar.docs === 'string' &&
      typeof sidecar.task.sha256 === 'string';
    return isOurs && typeof sidecar.started === 'string' ? sidecar : 'other';
  } catch {
    return 'other';
  }
}
