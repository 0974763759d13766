import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { RunError, UnfitError } from '../errors.js';
import { decode, encodeHeader, encodeRows, headerOf } from './csv.js';
import { type Row, requiredColumns, type Table } from './table.js';

interface Appending {
  readonly fd: number;
  /** The file has this length, bytes. */
  readonly length: number;
  /** The file has columns with these names, in this order. */
  readonly names: readonly string[];
}

/** A file of rows that grows while a run measures. Each row is one line, written and flushed at once. */
export class AppendedRows<T extends Table> {
  readonly #path: string;
  readonly #table: T;
  #appending: Appending | null = null;

  constructor(path: string, table: T) {
    this.#path = path;
    this.#table = table;
  }

  /**
   * Reads the rows so far. If a kill tore the last line, that line is left out.
   * @throws UnfitError that names the line of any other damage
   */
  rows(): Row<T>[] {
    const text = this.#wholeLines();
    try {
      return text === '' ? [] : decode(this.#table, text);
    } catch (cause) {
      throw new UnfitError(`"${this.#path}" is damaged, ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Returns the columns that rows need but the file lacks. Before its first line is written, it lacks none.
   */
  missingColumns(): string[] {
    const text = this.#wholeLines();
    const names = text === '' ? null : headerOf(text);
    return names === null ? [] : requiredColumns(this.#table).filter((name) => !names.includes(name));
  }

  /** Prepares the file for `append`, which writes after the last whole line. @throws RunError */
  begin(): void {
    if (this.#appending !== null) return;
    const whole = this.#wholeLines();
    const header = encodeHeader(this.#table);
    this.#attempt(() => {
      const fd = openSync(this.#path, existsSync(this.#path) ? 'r+' : 'wx');
      const length = Buffer.byteLength(whole);
      ftruncateSync(fd, length);
      this.#appending = { fd, length, names: headerOf(whole === '' ? header : whole) };
    });
    if (whole === '') this.#write(() => header);
  }

  /** @throws RunError if the row cannot be written; the rows before it stay readable */
  append(row: Row<T>): void {
    this.#write((names) => encodeRows(this.#table, [row], names));
  }

  close(): void {
    if (this.#appending !== null) closeSync(this.#appending.fd);
    this.#appending = null;
  }

  /** Returns the whole lines: text after the last line end is an unfinished row. */
  #wholeLines(): string {
    if (!existsSync(this.#path)) return '';
    const text = readFileSync(this.#path, 'utf8');
    const end = text.lastIndexOf('\r\n');
    return end < 0 ? '' : text.slice(0, end + 2);
  }

  #write(text: (names: readonly string[]) => string): void {
    const appending = this.#appending;
    if (appending === null) throw new Error('append() was called before begin()');
    const { fd, length, names } = appending;
    const bytes = Buffer.from(text(names));
    this.#attempt(() => {
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

  #attempt(act: () => void): void {
    try {
      act();
    } catch (cause) {
      throw new RunError(`cannot write "${this.#path}": ${(cause as Error).message}`, { cause });
    }
  }
}
