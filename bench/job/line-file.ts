import {
  appendFileSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { clearImmediate, setImmediate } from 'node:timers';
import { RunError, UnfitError, UsageError } from '../errors.js';
import { type LineRecord, readLine } from './line.js';
import { wholeLines } from './whole-lines.js';

/** Waiting lines are written together: at this many characters, or when the turn of the event loop ends. */
const flushLength = 256 * 1024;

export interface LineFileOptions {
  /** Gets what each whole line says that is there. */
  readonly see: (record: LineRecord) => void;
  /** Called before anything is changed; what it throws leaves the file as it is. */
  readonly check: () => void;
  /** Called with the number of lines that were written together. */
  readonly written: (lines: number) => void;
  /** Called when lines cannot be written after `append` has returned. */
  readonly failed: (error: RunError) => void;
}

/**
 * An NDJSON file with a line per document, to which lines are appended. The process may be killed at any
 * moment: a last line that is not whole is cut when the file is opened again.
 */
export class LineFile {
  readonly path: string;
  readonly #failed: (error: RunError) => void;
  readonly #written: (lines: number) => void;
  #file = -1;
  /** The whole lines in the file have this length, bytes. */
  #length = 0;
  #waiting = '';
  #waitingLines = 0;
  #flushSoon: NodeJS.Immediate | null = null;
  #failure: RunError | null = null;

  /**
   * Opens the file, or creates it, and reads the lines that are there.
   * @throws UnfitError when the file is damaged; RunError when it cannot be read or written
   */
  constructor(path: string, { see, check, written, failed }: LineFileOptions) {
    this.path = path;
    this.#written = written;
    this.#failed = failed;
    try {
      // The flag 'a' would not do: on Linux it ignores the position of a write.
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT);
      let number = 0;
      for (const { text, endsAt } of wholeLines(this.#file)) {
        see(readLine(text, { path, number: ++number }));
        this.#length = endsAt;
      }
      check();
      ftruncateSync(this.#file, this.#length);
    } catch (cause) {
      if (this.#file >= 0) closeSync(this.#file);
      throw cause instanceof UnfitError || cause instanceof UsageError ? cause : this.#cannotWrite(cause);
    }
  }

  /** Adds a line. @throws RunError when an earlier line could not be written */
  append(line: string): void {
    if (this.#failure !== null) throw this.#failure;
    this.#waiting += line;
    this.#waitingLines++;
    if (this.#waiting.length >= flushLength) this.flush();
    else
      this.#flushSoon ??= setImmediate(() => {
        try {
          this.flush();
        } catch (cause) {
          this.#failed(cause as RunError);
        }
      });
  }

  /**
   * Replaces the file, as a whole, by one with some of its lines.
   * @param keeps returns false for a line that is left out
   * @throws RunError when it cannot be written
   */
  filter(keeps: (record: LineRecord) => boolean): void {
    const file = newOf(this.path);
    try {
      writeFileSync(file, '');
      const copy = openSync(file, constants.O_RDWR);
      this.#length = 0;
      let kept = '';
      const keep = () => {
        appendFileSync(copy, kept);
        this.#length += Buffer.byteLength(kept);
        kept = '';
      };
      let number = 0;
      for (const { text } of wholeLines(this.#file)) {
        if (!keeps(readLine(text, { path: this.path, number: ++number }))) continue;
        kept += `${text}\n`;
        if (kept.length >= flushLength) keep();
      }
      keep();
      fsyncSync(copy);
      renameSync(file, this.path);
      closeSync(this.#file);
      this.#file = copy;
    } catch (cause) {
      rmSync(file, { force: true });
      throw this.#cannotWrite(cause);
    }
  }

  /** Writes the waiting lines. @throws RunError; the file then holds whole lines only */
  flush(): void {
    if (this.#flushSoon !== null) clearImmediate(this.#flushSoon);
    this.#flushSoon = null;
    if (this.#failure !== null) throw this.#failure;
    if (this.#waiting === '') return;
    const bytes = Buffer.from(this.#waiting);
    const lines = this.#waitingLines;
    this.#waiting = '';
    this.#waitingLines = 0;
    let written = 0;
    try {
      while (written < bytes.length)
        written += writeSync(this.#file, bytes, written, bytes.length - written, this.#length + written);
      this.#length += bytes.length;
    } catch (cause) {
      this.#failure = this.#cannotWrite(cause);
      this.#cutTornLine(bytes.subarray(0, written));
      throw this.#failure;
    }
    this.#written(lines);
  }

  /** Writes the waiting lines and closes the file. @throws RunError when the last lines cannot be written */
  close(): void {
    try {
      if (this.#failure === null) {
        this.flush();
        fsyncSync(this.#file);
      }
    } catch (cause) {
      throw cause instanceof RunError ? cause : this.#cannotWrite(cause);
    } finally {
      closeSync(this.#file);
    }
  }

  /** A full disk may have taken a part of the lines: keeps the whole ones. */
  #cutTornLine(written: Buffer): void {
    this.#length += written.lastIndexOf(10) + 1;
    try {
      ftruncateSync(this.#file, this.#length);
    } catch {
      // The torn line is cut when the job resumes.
    }
  }

  #cannotWrite(cause: unknown): RunError {
    return new RunError(
      `cannot write "${this.path}": ${(cause as Error).message}; ` +
        'all lines in it are whole, and the same command resumes the job',
      { cause },
    );
  }
}

/** A file is written under this name first, and then takes the place of the one that it replaces. */
export function newOf(path: string): string {
  return `${path}.new`;
}
