import type { FoundFile } from '../../workloads/files.js';
import type { FileState } from '../../workloads/read-file.js';
import type { LineRecord, NotOk, Status } from './line.js';

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

/** Returns true when the file has changed since it was read; false where that is unknown. */
export function hasChanged(file: Pick<FoundFile, 'size' | 'mtimeMs'>, source: FileState | null): boolean {
  return source !== null && (source.size !== file.size || source.mtimeMs !== file.mtimeMs);
}

/** A new call of the command finds this about the documents that have a line. */
export interface Earlier {
  /** Ids of documents that run again. */
  readonly again: ReadonlySet<string>;
  /** Documents with a line whose files have changed. */
  readonly changed: number;
}

export function findEarlier(
  files: readonly Pick<FoundFile, 'id' | 'size' | 'mtimeMs'>[],
  done: ReadonlyMap<string, LineRecord>,
  { retry, changed: runChanged }: Again,
): Earlier {
  const again = new Set<string>();
  let changed = 0;
  for (const file of files) {
    const record = done.get(file.id);
    if (record === undefined) continue;
    const differs = hasChanged(file, record.source);
    if (differs) changed++;
    if ((differs && runChanged) || (record.status !== 'ok' && retry.has(record.status))) again.add(file.id);
  }
  return { again, changed };
}
