import { statSync } from 'node:fs';
import type { WalkEntry } from '../../workloads/file-walk.js';
import type { FileState } from '../../workloads/read-file.js';
import type { DoneDocuments } from './done-documents.js';
import type { NotOk, Status } from './line.js';

/** Which documents that have a line run again. */
export interface Again {
  /** Documents whose lines have one of these statuses. */
  readonly retry: ReadonlySet<NotOk['status']>;
  /** Documents whose files have changed since they were read. */
  readonly changed: boolean;
}

export const statusesNotOk = ['failed', 'timed-out', 'crashed'] as const satisfies readonly Exclude<
  Status,
  'ok'
>[];

/** A new call of the command finds this about the documents of the job. */
export interface Earlier {
  /** All documents of the job. */
  readonly all: number;
  /** Documents that have a line, also if they run again. */
  readonly done: number;
  /** Documents with a line that run again. */
  readonly again: number;
  /** Documents with a line whose files have changed. */
  readonly changed: number;
}

/** Counts the documents that have a line, and marks which of them are there and which run again. */
export function findEarlier(
  batches: Iterable<readonly Pick<WalkEntry, 'id' | 'path'>[]>,
  documents: DoneDocuments,
  { retry, changed: runChanged }: Again,
): Earlier {
  const found = { all: 0, done: 0, again: 0, changed: 0 };
  const find = ({ id, path }: Pick<WalkEntry, 'id' | 'path'>) => {
    found.all++;
    const place = documents.find(id);
    if (place === null) return;
    found.done++;
    documents.markThere(place);
    const differs = hasChanged(path, documents.sourceAt(place));
    if (differs) found.changed++;
    const state = documents.stateAt(place);
    const isRetried = state !== 'ok' && state !== 'again' && retry.has(state);
    if (!isRetried && !(differs && runChanged)) return;
    documents.markAgain(place);
    found.again++;
  };
  for (const batch of batches) for (const file of batch) find(file);
  return found;
}

/** Returns the state of a file now; null when there is none, or it cannot be looked at. */
export function stateNow(path: string | Buffer): FileState | null {
  try {
    const { size, mtimeMs } = statSync(path);
    return { size, mtimeMs };
  } catch {
    return null;
  }
}

/** Returns true when the file has changed since it was read; false where that is unknown. */
function hasChanged(path: string | Buffer | null, source: FileState | null): boolean {
  if (path === null || source === null) return false;
  const now = stateNow(path);
  return now !== null && (now.size !== source.size || now.mtimeMs !== source.mtimeMs);
}
