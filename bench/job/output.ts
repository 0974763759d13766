import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Outcome, TaskError } from '../../strategies/strategy.js';
import { RunError, UnfitError, UsageError } from '../errors.js';
import { jsonOf } from './json.js';
import { lock } from './lock.js';

/** What a job is about: results of another task, or of other documents, are not mixed with its own. */
export interface Job {
  readonly task: { readonly file: string; readonly export: string; readonly sha256: string };
  readonly docs: string;
}

/** `results.ndjson.json`, which says whose the results are. */
interface Sidecar extends Job {
  readonly schema: 1;
  readonly forkwise: string;
  readonly started: string;
}

export type Status = Outcome['status'];

/** Of a document that did not end well. */
export interface NotOk {
  readonly id: string;
  readonly status: Exclude<Status, 'ok'>;
  readonly error: Pick<TaskError, 'name' | 'message'>;
}

/** Lines that wait are written together when they are so long, or when the turn of the event loop ends. */
const flushBytes = 256 * 1024;
const readBytes = 2 ** 20;

/**
 * The NDJSON file of a job: one line a document, appended. A process may be killed at any moment: what is no whole line is cut
 * when the job goes on, and a document that has a line is not run again. Files beside it say whose it is, and who writes.
 */
export class Output {
  /** Ids that have a line. */
  readonly done = new Set<string>();
  readonly counts: Record<Status, number> = { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 };
  /** In the order of their lines. */
  readonly notOk: NotOk[] = [];
  readonly path: string;
  readonly #unlock: () => void;
  readonly #failed: (error: RunError) => void;
  #file = -1;
  #length = 0;
  #lines: string[] = [];
  #waiting = 0;
  #flush: NodeJS.Immediate | null = null;
  #failure: RunError | null = null;

  /**
   * Begins a job's results, or goes on with them.
   * @param failed is told when lines cannot be written
   * @throws UsageError when there is something else at the path, of another job, or another process writes there; UnfitError when it is
   * damaged; RunError when it cannot be read or written.
   */
  static open(
    path: string,
    job: Job,
    { forkwise, failed }: { readonly forkwise: string; readonly failed: (error: RunError) => void },
  ): Output {
    refuseOthers(path, job); // before the lock: nothing is written beside what is not ours
    const output = new Output(path, lock(path), failed);
    try {
      refuseOthers(path, job);
      if (statSync(path, { throwIfNoEntry: false }) === undefined) {
        const sidecar: Sidecar = { schema: 1, forkwise, ...job, started: new Date().toISOString() };
        writeWhole(sidecarOf(path), `${JSON.stringify(sidecar, null, 2)}\n`);
      }
      output.#begin();
      return output;
    } catch (cause) {
      output.#unlock();
      throw cause;
    }
  }

  /** Whether the file is the results' own, or stands beside them for their sake. */
  static owns(path: string, file: string): boolean {
    return file === path || file === sidecarOf(path) || file.startsWith(`${path}.lock`);
  }

  private constructor(path: string, unlock: () => void, failed: (error: RunError) => void) {
    this.path = path;
    this.#unlock = unlock;
    this.#failed = failed;
  }

  get documents(): number {
    return this.done.size;
  }

  /** One more line. @throws RunError when an earlier one could not be written */
  append(id: string, result: Outcome | NotOk): void {
    if (this.#failure !== null) throw this.#failure;
    const { line, status, error } = lineOf(id, result);
    this.#count(id, status, error);
    this.#lines.push(line);
    this.#waiting += line.length;
    if (this.#waiting >= flushBytes) this.flush();
    else
      this.#flush ??= setImmediate(() => {
        try {
          this.flush();
        } catch (cause) {
          this.#failed(cause as RunError);
        }
      });
  }

  /** Writes what waits. @throws RunError; whole lines alone are in the file then. */
  flush(): void {
    if (this.#flush !== null) clearImmediate(this.#flush);
    this.#flush = null;
    if (this.#failure !== null) throw this.#failure;
    if (this.#lines.length === 0) return;
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#waiting = 0;
    let written = 0;
    try {
      while (written < bytes.length)
        written += writeSync(this.#file, bytes, written, bytes.length - written, this.#length + written);
      this.#length += bytes.length;
    } catch (cause) {
      this.#failure = this.#cannotWrite(cause);
      this.#keepWhole(bytes.subarray(0, written));
      throw this.#failure;
    }
  }

  /** @throws RunError when the last lines cannot be written */
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

  /** Reads what is there and cuts what is no whole line. */
  #begin(): void {
    try {
      this.#file = openSync(this.path, constants.O_RDWR | constants.O_CREAT); // not 'a': on Linux that does not write at a position
      let number = 0;
      for (const line of this.#wholeLines())
        this.#count(...recordOf(line, { path: this.path, number: ++number }));
      ftruncateSync(this.#file, this.#length);
    } catch (cause) {
      if (this.#file >= 0) closeSync(this.#file);
      throw cause instanceof UnfitError ? cause : this.#cannotWrite(cause);
    }
  }

  /** The lines that have an end, and `#length` up to there. */
  *#wholeLines(): Generator<string> {
    const chunk = Buffer.alloc(readBytes);
    let rest: Buffer[] = [];
    for (let position = 0; ; ) {
      const read = readSync(this.#file, chunk, 0, chunk.length, position);
      if (read === 0) return;
      position += read;
      const data = chunk.subarray(0, read);
      let from = 0;
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
        const line = Buffer.concat([...rest, data.subarray(from, end)]);
        rest = [];
        from = end + 1;
        this.#length = position - read + from;
        yield line.toString();
      }
      rest.push(Buffer.from(data.subarray(from)));
    }
  }

  #count(id: string, status: Status, error: NotOk['error'] | null): void {
    this.done.add(id);
    this.counts[status]++;
    if (status !== 'ok') this.notOk.push({ id, status, error: error as NotOk['error'] });
  }

  /** A full disk may have taken a part. */
  #keepWhole(written: Buffer): void {
    this.#length += written.lastIndexOf(10) + 1;
    try {
      ftruncateSync(this.#file, this.#length);
    } catch {
      // What is torn is cut when the job goes on.
    }
  }

  #cannotWrite(cause: unknown): RunError {
    return new RunError(
      `cannot write "${this.path}": ${(cause as Error).message}; what is in it is whole, and the same command goes on with it`,
      {
        cause,
      },
    );
  }
}

function sidecarOf(path: string): string {
  return `${path}.json`;
}

/** @throws UsageError unless the results are of this job, or there are none yet. */
function refuseOthers(path: string, job: Job): void {
  const choose = 'choose another --out, or move it away';
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry !== undefined && !entry.isFile())
    throw new UsageError(`--out "${path}": expected the path of a file, and it is none; ${choose}`);
  const sidecar = readSidecar(path);
  if (sidecar === 'other')
    throw new UsageError(
      `--out "${path}": "${sidecarOf(path)}" is there and was not written by forkwise; ${choose}`,
    );
  if (entry === undefined) return;
  if (sidecar === null)
    throw new UsageError(
      `--out "${path}": the file is there, and not one that \`forkwise run\` began (no "${sidecarOf(path)}"); ${choose}`,
    );
  if (sidecar.docs !== job.docs)
    throw new UsageError(
      `--out "${path}" holds results of --docs "${sidecar.docs}", not of "${job.docs}"; ${choose}`,
    );
  if (sidecar.task.sha256 !== job.task.sha256)
    throw new UsageError(
      `--out "${path}" holds results of another task, or of "${sidecar.task.file}" before it was changed: results of both would be mixed; ${choose}`,
    );
}

/** Null when there is none. */
function readSidecar(path: string): Sidecar | 'other' | null {
  let text: string;
  try {
    text = readFileSync(sidecarOf(path), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return 'other';
  }
  try {
    const sidecar = JSON.parse(text) as Sidecar;
    const isOurs =
      sidecar.schema === 1 && typeof sidecar.docs === 'string' && typeof sidecar.task.sha256 === 'string';
    return isOurs && typeof sidecar.started === 'string' ? sidecar : 'other';
  } catch {
    return 'other';
  }
}

function writeWhole(path: string, text: string): void {
  try {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new RunError(`cannot write "${path}": ${(cause as Error).message}`, { cause });
  }
}

interface Line {
  readonly line: string;
  readonly status: Status;
  readonly error: NotOk['error'] | null;
}

/** The id and the status stand first, so that they can be read without the value. */
function lineOf(id: string, result: Outcome | NotOk): Line {
  const head = `{"id":${JSON.stringify(id)},"status":`;
  if (result.status === 'ok') {
    try {
      return { line: `${head}"ok","value":${jsonOf(result.value)}}\n`, status: 'ok', error: null };
    } catch (cause) {
      const { name, message } = cause as Error;
      return lineOf(id, { id, status: 'failed', error: { name, message } });
    }
  }
  const { status, error } = result;
  return { line: `${head}"${status}","error":${jsonOf(error)}}\n`, status, error };
}

const shape = /^\{"id":("(?:[^"\\]|\\.)*"),"status":"(ok|failed|timed-out|crashed)",/;

/** @throws UnfitError for what is none of our lines. */
function recordOf(
  line: string,
  { path, number }: { readonly path: string; readonly number: number },
): [string, Status, NotOk['error'] | null] {
  const [, id, status] = shape.exec(line) ?? [];
  try {
    if (id !== undefined && line.endsWith('}')) {
      const error = status === 'ok' ? null : (JSON.parse(line) as NotOk).error;
      return [JSON.parse(id), status as Status, error];
    }
  } catch {
    // Told below.
  }
  throw new UnfitError(
    `"${path}" is damaged: line ${number} is none that \`forkwise run\` writes; remove the line, or choose another --out`,
  );
}
