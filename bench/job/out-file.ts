import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../errors.js';
import type { DocumentLine } from './line.js';
import { LineFile, newOf } from './line-file.js';
import { lock } from './lock.js';
import type { Output, OutputOptions } from './output.js';
import { entryAt, type Job, refuseOthers, runOf, sidecarOf, writeSidecar } from './sidecar.js';
import { Tally } from './tally.js';

export interface OutFileOptions extends OutputOptions {
  /** Says whether the job has a document that version 0.1 would have given this id. */
  readonly isEarlier: (id: string) => boolean;
  /** Returns the command that goes on with results of version 0.1, from an id in them. */
  readonly goOn: (id: string) => string;
}

/** The one NDJSON file of a job, `--out`: an appended line per document. */
export class OutFile implements Output {
  readonly path: string;
  readonly tally = new Tally();
  readonly hasPathIds: boolean;
  readonly #lines: LineFile;
  readonly #unlock: () => void;

  /**
   * Begins a job's results, or resumes them.
   * @throws UsageError when the path holds anything else, or results of another job, or another process
   * writes there; UnfitError when the file is damaged; RunError when it cannot be read or written.
   */
  constructor(path: string, job: Job, { forkwise, isEarlier, goOn, failed, written }: OutFileOptions) {
    this.path = path;
    refuseMissingFolder(path);
    const place = { flag: '--out', given: path, path, isEmpty: () => entryAt(path)?.size === 0 };
    refuseOthers(place, job); // before the lock, so that nothing is written beside a file that is not ours
    this.#unlock = lock(path);
    try {
      const schema = refuseOthers(place, job); // another process may have begun a job in the meantime
      if (schema === null) writeSidecar(path, job, forkwise);
      let first: string | null = null;
      let isKnown = schema !== 1;
      this.#lines = new LineFile(path, {
        see: (record) => {
          this.tally.found(record);
          first ??= record.id;
          isKnown ||= isEarlier(record.id);
        },
        check() {
          if (!isKnown && first !== null)
            throw new UsageError(
              `--out "${path}" was begun by version 0.1, whose ids are paths from the folder ` +
                `where it was started, such as "${first}", and there is no such document here; ` +
                goOn(first),
            );
        },
        failed,
        written,
      });
      this.hasPathIds = schema === 1 && first !== null;
      if (schema === 1 && !this.hasPathIds) writeSidecar(path, job, forkwise);
    } catch (cause) {
      this.#unlock();
      throw cause;
    }
  }

  /** Says whether a file is the results at `path`, or one of the files beside them. */
  static owns(path: string, file: string): boolean {
    const sidecar = sidecarOf(path);
    return [path, newOf(path), sidecar, newOf(sidecar)].includes(file) || file.startsWith(`${path}.lock`);
  }

  get run(): string {
    return runOf(this.path);
  }

  get intact(): string {
    return `all lines in "${this.path}" are whole`;
  }

  append(line: DocumentLine): void {
    this.tally.add(line);
    this.#lines.append(line.line);
  }

  /** The file is replaced as a whole. */
  dropAgain(): void {
    this.#lines.filter((record) => {
      if (!this.tally.runsAgain(record.id)) return true;
      this.tally.drop(record);
      return false;
    });
    this.tally.dropped();
  }

  finish(): void {
    this.#lines.flush();
  }

  close(): void {
    try {
      this.#lines.close();
    } finally {
      this.#unlock();
    }
  }
}

/** @throws UsageError unless the folder of the results exists */
function refuseMissingFolder(path: string): void {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new UsageError(
    `--out "${path}": expected the folder "${folder}", and there is none; create it, or choose another --out`,
  );
}
