import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { RunError, UnfitError, UsageError } from '../errors.js';
import { type TrialRow, trialTable } from './columns.js';
import { decode, encodeHeader, encodeRows, headerOf } from './csv.js';
import type { Environment } from './environment.js';
import { requiredColumns } from './table.js';

/**
 * A run's folder. `environment.json` is written before the first trial; trials are appended and flushed one by one;
 * everything else in it can be made again from the two.
 */
export class Store {
  readonly folder: string;
  readonly runId: string;
  #trials: number | null = null;
  #length = 0;
  /** Columns of `trials.csv`, in the file's own order. */
  #names: readonly string[] = [];

  private constructor(path: string) {
    this.folder = resolve(path);
    this.runId = basename(this.folder);
  }

  /**
   * An empty folder may be taken, and one in which a run was killed before it had begun: a run is never written over.
   * @throws UsageError when there is anything else at this path.
   */
  static refuseExisting(folder: string): void {
    const entry = statSync(folder, { throwIfNoEntry: false });
    if (
      entry === undefined ||
      (entry.isDirectory() && readdirSync(folder).every((name) => name === unfinished('environment.json')))
    )
      return;
    throw new UsageError(
      `--out "${folder}": expected a new folder, but there is something already; choose another name`,
    );
  }

  /** A folder for a run to come, made with the first file in it. @throws UsageError when there is something already. */
  static create(path: string): Store {
    Store.refuseExisting(path);
    return new Store(path);
  }

  /** The folder of a run that was begun. @throws UsageError when it is none. */
  static open(path: string): Store {
    const store = new Store(path);
    if (existsSync(join(store.folder, 'environment.json'))) return store;
    throw new UsageError(`"${path}": expected the folder of a run, but it holds no environment.json`);
  }

  environment(): Environment {
    return JSON.parse(readFileSync(join(this.folder, 'environment.json'), 'utf8')) as Environment;
  }

  /**
   * The trials so far. A last line that a kill has torn is left out.
   * @throws UnfitError that names the line of any other damage.
   */
  trials(): TrialRow[] {
    const text = this.#wholeLines();
    try {
      return text === '' ? [] : decode(trialTable, text);
    } catch (cause) {
      throw new UnfitError(`"${join(this.folder, 'trials.csv')}" is damaged, ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /** The columns that `trials.csv` lacks and that rows of the run need; none before its first line is written. */
  missingColumns(): string[] {
    const text = this.#wholeLines();
    const names = text === '' ? null : headerOf(text);
    return names === null ? [] : requiredColumns(trialTable).filter((name) => !names.includes(name));
  }

  /** Makes the folder ready for `append`, behind the whole lines that are there. @throws RunError */
  beginAppending(): void {
    const path = join(this.folder, 'trials.csv');
    const whole = Buffer.from(this.#wholeLines());
    this.#attempt('trials.csv', () => {
      this.#trials = openSync(path, existsSync(path) ? 'r+' : 'wx');
      this.#length = whole.length;
      ftruncateSync(this.#trials, this.#length);
    });
    this.#names = headerOf(this.#length === 0 ? encodeHeader(trialTable) : whole.toString());
    if (this.#length === 0) this.#write(encodeHeader(trialTable));
  }

  /** @throws RunError when the row cannot be written; the rows before it stay readable. */
  append(trial: TrialRow): void {
    this.#write(encodeRows(trialTable, [trial], this.#names));
  }

  close(): void {
    if (this.#trials !== null) closeSync(this.#trials);
    this.#trials = null;
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  /** @throws UsageError when the folder has no such file. */
  read(name: string): string {
    if (this.has(name)) return readFileSync(join(this.folder, name), 'utf8');
    throw new UsageError(
      `"${this.folder}": expected a file "${name}" in it; what has not been measured cannot be reported`,
    );
  }

  /** Writes a file beside the trials, whole or not at all. @throws RunError */
  write(name: string, content: string | Buffer): void {
    const path = join(this.folder, name);
    this.#attempt(name, () => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(unfinished(path), content);
      renameSync(unfinished(path), path);
    });
  }

  /** A row is one line: what stands behind the last line end was not written to its end. */
  #wholeLines(): string {
    const path = join(this.folder, 'trials.csv');
    if (!existsSync(path)) return '';
    const text = readFileSync(path, 'utf8');
    const end = text.lastIndexOf('\r\n');
    return end < 0 ? '' : text.slice(0, end + 2);
  }

  #write(text: string): void {
    const trials = this.#trials as number;
    const bytes = Buffer.from(text);
    this.#attempt('trials.csv', () => {
      try {
        for (let written = 0; written < bytes.length; ) {
          written += writeSync(trials, bytes, written, bytes.length - written, this.#length + written);
        }
        fsyncSync(trials);
        this.#length += bytes.length;
      } catch (cause) {
        ftruncateSync(trials, this.#length); // a full disk may have taken half a row
        throw cause;
      }
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

/** Where a file's text stands until it is whole. */
function unfinished(path: string): string {
  return `${path}.new`;
}
