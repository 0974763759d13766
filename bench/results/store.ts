import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { RunError, UsageError } from '../errors.js';
import { type TrialRow, trialColumns } from './columns.js';
import { decode, encodeHeader, encodeRows } from './table.js';

/** A run's folder. Trials are appended and flushed one by one; everything else in it can be made again from them. */
export class Store {
  readonly folder: string;
  readonly runId: string;
  readonly #trials: number;
  #length = 0;

  private constructor(folder: string, trials: number) {
    this.folder = folder;
    this.runId = basename(folder);
    this.#trials = trials;
  }

  /** @throws UsageError when there is something at this path but an empty folder: a run is never written over. */
  static refuseExisting(folder: string): void {
    const entry = statSync(folder, { throwIfNoEntry: false });
    if (entry === undefined || (entry.isDirectory() && readdirSync(folder).length === 0)) return;
    throw new UsageError(`--out "${folder}": expected a new folder, but there is something already; choose another name`);
  }

  /** @throws UsageError when the folder exists; RunError when it cannot be made. */
  static create(path: string): Store {
    const folder = resolve(path);
    Store.refuseExisting(folder);
    try {
      mkdirSync(join(folder, 'plots'), { recursive: true });
      const store = new Store(folder, openSync(join(folder, 'trials.csv'), 'wx'));
      store.#write(encodeHeader(trialColumns));
      return store;
    } catch (cause) {
      throw unwritable(folder, cause);
    }
  }

  /** @throws RunError when the row cannot be written; the rows before it stay readable. */
  append(trial: TrialRow): void {
    this.#write(encodeRows(trialColumns, [trial]));
  }

  trials(): TrialRow[] {
    return decode(trialColumns, readFileSync(join(this.folder, 'trials.csv'), 'utf8'));
  }

  /** Writes a file beside the trials. @throws RunError */
  write(name: string, text: string): void {
    try {
      writeFileSync(join(this.folder, name), text);
    } catch (cause) {
      throw unwritable(join(this.folder, name), cause);
    }
  }

  close(): void {
    closeSync(this.#trials);
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#trials, bytes, written);
      fsyncSync(this.#trials);
      this.#length += bytes.length;
    } catch (cause) {
      // A full disk may have taken half a row.
      ftruncateSync(this.#trials, this.#length);
      throw unwritable(join(this.folder, 'trials.csv'), cause);
    }
  }
}

function unwritable(path: string, cause: unknown): RunError {
  return new RunError(`cannot write "${path}": ${(cause as Error).message}`, { cause });
}
