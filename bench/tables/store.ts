import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { RunError, UsageError } from '../errors.js';
import { AppendedRows } from './appended-rows.js';
import { arrivalTable } from './arrival-columns.js';
import type { Environment } from './environment.js';
import { cannotMake, makeFolder, tryFolder } from './make-folder.js';
import { sloTable } from './slo-columns.js';
import { stageTable } from './stage-columns.js';
import { type TrialRow, trialTable } from './trial-columns.js';

/**
 * A run's folder. `environment.json` is written before the first trial, and trials are appended and flushed
 * one by one. Everything else in the folder can be made again from these two files.
 */
export class Store {
  readonly folder: string;
  readonly runId: string;
  /** Open-loop trials; the file exists only where some were measured. */
  readonly arrivals: AppendedRows<typeof arrivalTable>;
  /** Searches for the highest rate under a limit; likewise. */
  readonly limits: AppendedRows<typeof sloTable>;
  /** These rows say what each stage did in the trials; likewise, where stages have workers of their own. */
  readonly stages: AppendedRows<typeof stageTable>;
  readonly #trials: AppendedRows<typeof trialTable>;

  private constructor(path: string) {
    this.folder = resolve(path);
    this.runId = basename(this.folder);
    this.#trials = new AppendedRows(join(this.folder, 'trials.csv'), trialTable);
    this.arrivals = new AppendedRows(join(this.folder, 'arrivals.csv'), arrivalTable);
    this.stages = new AppendedRows(join(this.folder, 'stages.csv'), stageTable);
    this.limits = new AppendedRows(join(this.folder, 'slo.csv'), sloTable);
  }

  /**
   * Accepts a path where a folder can be made, an empty folder, and a folder in which a run was killed before
   * it began. A run is never overwritten. No folder is left behind.
   * @throws UsageError if there is anything else at this path, or no folder can be made there
   */
  static refuseExisting(folder: string): void {
    let isFree: boolean;
    try {
      isFree = isFreeFor(folder);
      if (isFree) tryFolder(folder);
    } catch (cause) {
      throw cannotMake(folder, cause);
    }
    if (isFree) return;
    throw new UsageError(
      `--out "${folder}": expected a new folder, but there is something already; choose another name`,
    );
  }

  /**
   * Prepares a new run. The folder is made together with its first file.
   * @throws UsageError if there is something at this path already
   */
  static create(path: string): Store {
    Store.refuseExisting(path);
    return new Store(path);
  }

  /** Opens the folder of a run that has begun. @throws UsageError if it is not one */
  static open(path: string): Store {
    const store = new Store(path);
    if (existsSync(join(store.folder, 'environment.json'))) return store;
    throw new UsageError(`"${path}": expected the folder of a run, but it holds no environment.json`);
  }

  environment(): Environment {
    return JSON.parse(readFileSync(join(this.folder, 'environment.json'), 'utf8')) as Environment;
  }

  /**
   * Reads the trials so far. If a kill tore the last line, that line is left out.
   * @throws UnfitError that names the line of any other damage
   */
  trials(): TrialRow[] {
    return this.#trials.rows();
  }

  /**
   * Returns the columns that rows of the run need but `trials.csv` lacks. Before its first line is written,
   * it lacks none.
   */
  missingColumns(): string[] {
    return this.#trials.missingColumns();
  }

  /** Prepares the file for `append`, which writes after the last whole line. @throws RunError */
  beginAppending(): void {
    this.#trials.begin();
  }

  /** @throws RunError if the row cannot be written; the rows before it stay readable */
  append(trial: TrialRow): void {
    this.#trials.append(trial);
  }

  close(): void {
    this.#trials.close();
    this.arrivals.close();
    this.limits.close();
    this.stages.close();
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  /** @throws UsageError if the folder has no such file */
  read(name: string): string {
    if (this.has(name)) return readFileSync(join(this.folder, name), 'utf8');
    throw new UsageError(
      `"${this.folder}": expected a file "${name}" in it; what has not been measured cannot be reported`,
    );
  }

  /** Writes a file beside the trials. It is written whole or not at all. @throws RunError */
  write(name: string, content: string | Buffer): void {
    const path = join(this.folder, name);
    this.#attempt(name, () => {
      makeFolder(dirname(path));
      writeFileSync(unfinished(path), content);
      renameSync(unfinished(path), path);
    });
  }

  #attempt(name: string, act: () => void): void {
    try {
      act();
    } catch (cause) {
      throw new RunError(`cannot write "${join(this.folder, name)}": ${(cause as Error).message}`, { cause });
    }
  }
}

/** @throws Error of the system if it cannot be read */
function isFreeFor(folder: string): boolean {
  if (!existsSync(folder)) return true;
  return (
    statSync(folder).isDirectory() &&
    readdirSync(folder).every((name) => name === unfinished('environment.json'))
  );
}

/** A file has this name until all of its text is written. */
function unfinished(path: string): string {
  return `${path}.new`;
}
