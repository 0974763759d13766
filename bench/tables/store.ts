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
 * A run's folder. `environment.json` is written before the first trial, and trials are appended and flushed
 * one by one. Everything else in the folder can be made again from these two files.
 */
export class Store {
  readonly folder: string;
  readonly runId: string;
  #appending: Appending | null = null;

  private constructor(path: string) {
    this.folder = resolve(path);
    this.runId = basename(this.folder);
  }

  /**
   * Accepts an empty folder, and a folder in which a run was killed before it began. A run is never
   * overwritten.
   * @throws UsageError if there is anything else at this path
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
    const text = this.#wholeLines();
    try {
      return text === '' ? [] : decode(trialTable, text);
    } catch (cause) {
      throw new UnfitError(`"${join(this.folder, 'trials.csv')}" is damaged, ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /**
   * Returns the columns that rows of the run need but `trials.csv` lacks. Before its first line is written,
   * it lacks none.
   */
  missingColumns(): string[] {
    const text = this.#wholeLines();
    const names = text === '' ? null : headerOf(text);
    return names === null ? [] : requiredColumns(trialTable).filter((name) => !names.includes(name));
  }

  /** Prepares the file for `append`, which writes after the last whole line. @throws RunError */
  beginAppending(): void {
    const path = join(this.folder, 'trials.csv');
    const whole = this.#wholeLines();
    const header = encodeHeader(trialTable);
    this.#attempt('trials.csv', () => {
      const fd = openSync(path, existsSync(path) ? 'r+' : 'wx');
      const length = Buffer.byteLength(whole);
      ftruncateSync(fd, length);
      this.#appending = { fd, length, names: headerOf(whole === '' ? header : whole) };
    });
    if (whole === '') this.#write(() => header);
  }

  /** @throws RunError if the row cannot be written; the rows before it stay readable */
  append(trial: TrialRow): void {
    this.#write((names) => encodeRows(trialTable, [trial], names));
  }

  close(): void {
    if (this.#appending !== null) closeSync(this.#appending.fd);
    this.#appending = null;
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
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(unfinished(path), content);
      renameSync(unfinished(path), path);
    });
  }

  /** Returns the whole lines. Each row is one line, so text after the last line end is an unfinished row. */
  #wholeLines(): string {
    const path = join(this.folder, 'trials.csv');
    if (!existsSync(path)) return '';
    const text = readFileSync(path, 'utf8');
    const end = text.lastIndexOf('\r\n');
    return end < 0 ? '' : text.slice(0, end + 2);
  }

  #write(text: (names: readonly string[]) => string): void {
    const appending = this.#appending;
    if (appending === null) throw new Error('append() was called before beginAppending()');
    const { fd, length, names } = appending;
    const bytes = Buffer.from(text(names));
    this.#attempt('trials.csv', () => {
      try {
        for (let written = 0; written < bytes.length; ) {
          written += writeSync(fd, bytes, written, bytes.length - written, length + written);
        }
        fsyncSync(fd);
        this.#appending = { ...appending, length: length + bytes.length };
      } catch (cause) {
        ftruncateSync(fd, length); // a full disk may have taken half a row
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

/** The store appends to `trials.csv`. */
interface Appending {
  readonly fd: number;
  /** The file has this length, bytes. */
  readonly length: number;
  /** The file has columns with these names, in this order. */
  readonly names: readonly string[];
}

/** A file has this name until all of its text is written. */
function unfinished(path: string): string {
  return `${path}.new`;
}
