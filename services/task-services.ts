import { createHash, randomUUID } from 'node:crypto';
import type { OpenOptions } from '../strategies/strategy.js';

/** Every worker of a session gets this with its task. It is plain data that JSON carries. */
export interface TaskServices {
  /** The id of the run; see `OpenOptions.runId`. */
  readonly runId: string;
}

/** The services of a session. All its workers, and their replacements, get the same. */
export function taskServices({ runId = randomUUID() }: Pick<OpenOptions, 'runId'>): TaskServices {
  return { runId };
}

/** The characters of a key that tell documents apart: 128 bits of the id's hash, in hex. */
const idLength = 32;

/** The key of a document: see `Context.key`. It may be sent in a header, whatever characters the ids have. */
export function documentKey(runId: string, id: string): string {
  return `${encodeURIComponent(runId)}-${createHash('sha256').update(id).digest('hex').slice(0, idLength)}`;
}
