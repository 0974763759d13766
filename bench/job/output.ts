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
import type { Outcome } from '../../strategies/strategy.js';
import type { FileState } from '../../workloads/read-file.js';
import { RunError, UnfitError, UsageError } from '../errors.js';
import { DoneDocuments } from './done-documents.js';
import { type LineRecord, lineOf, type NotOk, readLine, type Status } from './line.js';
import { lock } from './lock.js';
import { type Job, refuseOthers, sidecarOf, writeSidecar } from './sidecar.js';
import { wholeLines } from './whole-lines.js';

/** Waiting lines are written together: at this many characters, or when the turn of the event loop ends. */
const flushLength = 256 * 1024;

export interface OutputOptions {
  readonly forkwise: string;
  readonly failed: (error: RunError) => void;
  readonly written: (lines: number) => void;
  readonly isEarlier: (id: string) => boolean;
  readonly goOn: (id: string) => string;
}

/**
 * The NDJSON file of a job: one appended line per document. The process may be killed at any moment. When the
 * job resumes, it cuts a last line that is not whole, and does not run a document again that has a line. Two
 * files beside it say which job the results belong to (sidecar.ts) and which process writes (lock.ts).
 */
export class Output {
  /** The documents that had a line when the job resumed. */
  readonly done = new DoneDocuments();
  readonly path: string;
  readonly #counts: Record<Status, number> = { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 };
  readonly #unlock: () => void;
  readonly #failed: (error: RunError) => void;
  readonly #written: (lines: number) => void;
  #file = -1;
  /** The whole lines in the file have this length, bytes. */
  #length = 0;
  #waiting = '';
  #waitingLines = 0;
  #notOk: NotOk[] = [];
  #flushSoon: NodeJS.Immediate | null = null;
  #hasPathIds = false;
  #failure: RunError | null = null;

  /**
   * Begins a job's results, or resumes them.
   * @param options.forkwise the version, for the sidecar
   * @param options.isEarlier whether the job has a document that version 0.1 would have given this id
   * @param options.goOn the command that goes on with results of version 0.1, from an id in them
   * @param options.failed called when lines cannot be written after `append` has returned
   * @param options.written called with the number of lines that were written together
   * @throws UsageError when the path holds anything else, or results of another job, or another process
   * writes there; UnfitError when the file is damaged; RunError when it cannot be read or written.
   */
  static open(path: string, job: Job, options: OutputOptions): Output {
    const { forkwise, isEarlier, goOn } = options;
    refuseOthers(path, job); // before the lock, so that nothing is written beside a file that is not ours
    const output = new Output(path, lock(path), options);
    try {
      const schema = refuseOthers(path, job); // another process may have begun a job in the meantime
      if (schema === null) writeSidecar(path, job, forkwise);
      let first: string | null = null;
      let isKnown = schema !== 1;
      output.#resume({
        see({ id }) {
          first ??= id;
          isKnown ||= isEarlier(id);
        },
        check() {
          output.#hasPathIds = schema === 1 && first !== null;
          if (!isKnown && first !== null)
            throw new UsageError(
              `--out "${path}" was begun by version 0.1, whose ids are paths from the folder ` +
                `where it was started, such as "${first}", and there is no such document here; ` +
                goOn(first),
            );
        },
      });
      if (schema === 1 && !output.#hasPathIds) writeSidecar(path, job, forkwise);
      return output;
    } catch (cause) {
      output.#unlock();
      throw cause;
    }
  }

  /** Says whether a file is the results at `path`, or one of the files beside them. */
  static owns(path: string, file: string): boolean {
    const sidecar = sidecarOf(path);
    return [path, newOf(path), sidecar, newOf(sidecar)].includes(file) || file.startsWith(`${path}.lock`);
  }

  private constructor(path: string, unlock: () => void, { failed, written }: OutputOptions) {
    this.path = path;
    this.#unlock = unlock;
    this.#failed = failed;
    this.#written = written;
  }

  /** Number of documents that have a line. */
  get documents(): number {
    return this.#counts.ok + this.notOkCount;
  }

  /** True for results of version 0.1: ids are paths from the folder in which the job was started. */
  get hasPathIds(): boolean {
    return this.#hasPathIds;
  }

  /** Numbers of lines by status. */
  get counts(): Readonly<Record<Status, number>> {
    return { ...this.#counts };
  }

  /** Number of documents that are not ok. */
  get notOkCount(): number {
    return this.#notOk.length;
  }

  /** The documents that are not ok, in the order of their lines. */
  get notOk(): readonly NotOk[] {
    return this.#notOk;
  }

  /** Adds the line of one document. @throws RunError when an earlier line could not be written */
  append(id: string, result: Outcome | NotOk, source: FileState | null): void {
    if (this.#failure !== null) throw this.#failure;
    const { line, notOk } = lineOf(id, result, source);
    if (notOk !== null) this.#notOk.push(notOk);
    this.#counts[notOk === null ? 'ok' : notOk.status]++;
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
   * Takes the lines of the documents out of the file that are marked to run again. The file is replaced as a
   * whole.
   * @throws RunError when it cannot be written
   */
  dropAgain(): void {
    const runsAgain = (id: string) => {
      const place = this.done.find(id);
      return place !== null && this.done.stateAt(place) === 'again';
    };
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
        const { id, status } = readLine(text, { path: this.path, number: ++number });
        if (runsAgain(id)) {
          this.#counts[status]--;
          continue;
        }
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
    this.#notOk = this.#notOk.filter(({ id }) => !runsAgain(id));
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

  /**
   * Reads the lines that are there, and cuts a last line that is not whole.
   * @param see gets what each line says
   * @param check is called before anything is changed
   */
  #resume({ see, check }: { see(record: LineRecord): void; check(): void }): void {
    try {
      // The flag 'a' would not do: on Linux it ignores the position of a write.
      this.#file = openSync(this.path, constants.O_RDWR | constants.O_CREAT);
      let number = 0;
      for (const { text, endsAt } of wholeLines(this.#file)) {
        const record = readLine(text, { path: this.path, number: ++number });
        this.done.add(record);
        this.#counts[record.status]++;
        if (record.status !== 'ok')
          this.#notOk.push({ id: record.id, status: record.status, error: record.error });
        see(record);
        this.#length = endsAt;
      }
      check();
      ftruncateSync(this.#file, this.#length);
    } catch (cause) {
      if (this.#file >= 0) closeSync(this.#file);
      throw cause instanceof UnfitError || cause instanceof UsageError ? cause : this.#cannotWrite(cause);
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
function newOf(path: string): string {
  return `${path}.new`;
}
