import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnfitError } from '../../errors.js';
import { type LineRecord, readLine } from '../line.js';
import { decompress, refuseMissing } from './compression.js';
import type { ManifestLine } from './manifest.js';
import { manifestName, readShardName, type ShardName } from './names.js';

/** A line of a shard, with its line feed, and what it says. */
export interface ShardLine {
  readonly record: LineRecord;
  readonly line: string;
  /** Size of the line. */
  readonly bytes: number;
}

/**
 * Reads a shard's lines, and checks it against the manifest.
 * @throws UnfitError when the file is not the one that was written
 */
export function* readShard(folder: string, shard: ManifestLine): Generator<ShardLine> {
  const path = join(folder, shard.name);
  const { compression } = readShardName(shard.name) as ShardName;
  const unfit = (what: string, cause?: unknown) =>
    new UnfitError(
      `"${path}" ${what}; put the file back, or remove it and its line in "${join(folder, manifestName)}": ` +
        'its documents then run again',
      { cause },
    );
  refuseMissing(compression);
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (cause) {
    throw unfit(`is in the manifest and cannot be read (${(cause as Error).message})`, cause);
  }
  const sha256 = createHash('sha256').update(file).digest('hex');
  if (sha256 !== shard.sha256)
    throw unfit(`has changed since it was written: expected sha256 ${shard.sha256}, got ${sha256}`);
  const bytes = decompress(file, compression);
  let number = 0;
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from) + 1;
    if (end === 0) throw unfit('does not end with a line feed');
    const line = bytes.toString('utf8', from, end);
    yield { record: readLine(line.slice(0, -1), { path, number: ++number }), line, bytes: end - from };
    from = end;
  }
}
