import type { RunError } from '../errors.js';
import type { DocumentLine } from './line.js';
import type { Tally } from './tally.js';

/**
 * The place that a job writes the lines of its documents to: one file (out-file.ts) or a folder of shards
 * (shards/shards.ts). The process may be killed at any moment; the same job then goes on, and does not run a
 * document again that has a line. Two more files say which job the results belong to (sidecar.ts) and which
 * process writes (lock.ts).
 */
export interface Output {
  /** Messages name the results so. */
  readonly path: string;
  readonly tally: Tally;
  /** The job has this name on a broker, also when it goes on. */
  readonly run: string;
  /** True for results of version 0.1: ids are paths from the folder in which the job was started. */
  readonly hasPathIds: boolean;
  /** What holds of the results whenever the job ends. */
  readonly intact: string;
  /** Adds the line of one document. @throws RunError when it, or an earlier one, cannot be written */
  append(line: DocumentLine): void;
  /** Takes the lines of the documents out that are marked to run again. @throws RunError */
  dropAgain(): void;
  /**
   * Writes all lines that wait: this call of the command runs no more documents.
   * @param isComplete true when every document of the job has its line
   * @throws RunError
   */
  finish(isComplete: boolean): void;
  /** Writes all lines that wait and gives the lock back. @throws RunError when they cannot be written */
  close(): void;
}

export interface OutputOptions {
  /** The version, for the sidecar. */
  readonly forkwise: string;
  /** Called when lines cannot be written after `append` has returned. */
  readonly failed: (error: RunError) => void;
  /** Called with the number of lines that were written together. */
  readonly written: (lines: number) => void;
}
