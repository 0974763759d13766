import { closeSync, constants, fsyncSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import type { Outcome } from '../../strategies/strategy.js';
import { RunError, UnfitError } from '../errors.js';
import { type LineRecord, lineOf, type NotOk, readLine, type Status } from './line.js';
import { lock } from './lock.js';
import { type Job, refuseOthers, sidecarOf, writeSidecar } from './sidecar.js';
import { wholeLines } from './whole-lines.js';

/** Waiting lines are written together: at this many characters, or when the turn of the event loop ends. */
const flushLength = 256 * 1024;

/**
 * The NDJSON file of a job: one appended line per document. The process may be killed at any moment. When the
 * job resumes, it cuts a last line that is not whole, and does not run a document again that has a line. Two
 * files beside it say which job the results belong to (sidecar.ts) and which process writes (lock.ts).
 */
export class Output {
  /** Ids of the documents that have a line. */
  readonly done = new Set<string>();
  readonly counts: Record<Status, number> = { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 };
  /** They are in the order of the lines. */
  readonly notOk: NotOk[] = [];
  readonly path: string;
  readonly #unlock: () => void;
  readonly #failed: (error: RunError) => void;
  #file = -1;
  /** The whole lines in the file have this length, bytes. */
  #length = 0;
  #waiting: string[] = [];
  #waitingLength = 0;
  #flushSoon: NodeJS.Immediate | null = null;
  #failure: RunError | null = null;

  /**
   * Begins a job's results, or resumes them.
   * @param options.forkwise the version, for the sidecar
   * @param options.failed called when lines cannot be written after `append` has returned
   * @throws UsageError when the path holds anything else, or results of another job, or another process
   * writes there; UnfitError when the file is damaged; RunError when it cannot be read or written.
   */
  static open(
    path: string,
    job: Job,
    { forkwise, failed }: { readonly forkwise: string; readonly failed: (error: RunError) => void },
  ): Output {
    refuseOthers(path, job); // before the lock, so that nothing is written beside a file that is not ours
    const output = new Output(path, lock(path), failed);
    try {
      refuseOthers(path, job); // another process may have begun a job in the meantime
      if (statSync(path, { throwIfNoEntry: false }) === undefined) writeSidecar(path, job, forkwise);
      output.#resume();
      return output;
    } catch (cause) {
      output.#unlock();
      throw cause;
    }
  }

  /** Says whether a file is the results at `path`, or one of the files beside them. */
  static owns(path: string, file: string): boolean {
    return file === path || file === sidecarOf(path) || file.startsWith(`${path}.lock`);
  }

  private constructor(path: string, unlock: () => void, failed: (error: RunError) => void) {
    this.path = path;
    this.#unlock = unlock;
    this.#failed = failed;
  }

  /** Number of documents that have a line. */
  get documents(): number {
    return this.done.size;
  }

  /** Adds the line of one document. @throws RunError when an earlier line could not be written */
  append(id: string, result: Outcome | NotOk): void {
    if (this.#failure !== null) throw this.#failure;
    const { line, record } = lineOf(id, result);
    this.#count(record);
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#waitingLength >= flushLength) this.flush();
    else
      this.#flushSoon ??= setImmediate(() => {
        try {
          this.flush();
        } catch (cause) {
          this.#failed(cause as RunError);
        }
      });
  }

  /** Writes the waiting lines. @throws RunError; the file then holds whole lines only */
  flush(): void {
    if (this.#flushSoon !== null) clearImmediate(this.#flushSoon);
    this.#flushSoon = null;
    if (this.#failure !== null) throw this.#failure;
    if (this.#waiting.length === 0) return;
    const bytes = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#waitingLength = 0;
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
  }

  /**
   * Writes the waiting lines and gives the lock back. @throws RunError when the last lines cannot be written
   */
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
      this.#unlock();
    }
  }

  /** Reads the lines that are there, and cuts a last line that is not whole. */
  #resume(): void {
    try {
      // The flag 'a' would not do: on Linux it ignores the position of a write.
      this.#file = openSync(this.path, constants.O_RDWR | constants.O_CREAT);
      let number = 0;
      for (const { text, endsAt } of wholeLines(this.#file)) {
        this.#count(readLine(text, { path: this.path, number: ++number }));
        this.#length = endsAt;
      }
      ftruncateSync(this.#file, this.#length);
    } catch (cause) {
      if (this.#file >= 0) closeSync(this.#file);
      throw cause instanceof UnfitError ? cause : this.#cannotWrite(cause);
    }
  }

  #count(record: LineRecord): void {
    this.done.add(record.id);
    this.counts[record.status]++;
    if (record.status !== 'ok') this.notOk.push(record);
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
