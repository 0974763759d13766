import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { newOf } from '../line-file.js';
import type { ManifestLine } from './manifest.js';
import { indexName, readShardName, type ShardName } from './names.js';
import { syncFolder } from './sync-folder.js';

/** The content of `index.json`, whose names of a shard's members are those of MosaicML's StreamingDataset. */
interface Index {
  readonly schema: 1;
  readonly forkwise: string;
  /** Documents in all shards. */
  readonly documents: number;
  /** Documents that are not ok, in `failed.ndjson`. */
  readonly failed: number;
  readonly shards: readonly IndexedShard[];
}

interface IndexedShard {
  readonly format: 'ndjson';
  readonly samples: number;
  readonly size_limit: number;
  readonly compression: 'gzip' | 'zstd' | null;
  readonly hashes: readonly ['sha256'];
  /** The lines; the file itself where it is not compressed. */
  readonly raw_data: FileData;
  /** The compressed file. */
  readonly zip_data: FileData | null;
  readonly first: string;
  readonly last: string;
}

interface FileData {
  readonly basename: string;
  readonly bytes: number;
  readonly hashes: { readonly sha256?: string };
}

export interface IndexOf {
  readonly shards: readonly ManifestLine[];
  readonly failed: number;
  readonly forkwise: string;
}

/** Writes the index as a whole: a folder that has one is complete. @throws the system's error */
export function writeIndex(folder: string, { shards, failed, forkwise }: IndexOf): void {
  const index: Index = {
    schema: 1,
    forkwise,
    documents: shards.reduce((sum, { documents }) => sum + documents, 0),
    failed,
    shards: shards.map(indexed),
  };
  const path = join(folder, indexName);
  const bytes = Buffer.from(`${JSON.stringify(index, null, 2)}\n`);
  try {
    const file = openSync(newOf(path), 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(newOf(path), path);
  } catch (cause) {
    rmSync(newOf(path), { force: true });
    throw cause;
  }
  syncFolder(folder);
}

function indexed({
  name,
  bytes,
  sha256,
  documents,
  first,
  last,
  rawBytes,
  limit,
}: ManifestLine): IndexedShard {
  const { compression } = readShardName(name) as ShardName;
  const file = { basename: name, bytes, hashes: { sha256 } };
  const isRaw = compression === 'none';
  const raw = { basename: name.replace(/(?<=\.ndjson).*$/, ''), bytes: rawBytes, hashes: {} };
  return {
    format: 'ndjson',
    samples: documents,
    size_limit: limit,
    compression: isRaw ? null : compression,
    hashes: ['sha256'],
    raw_data: isRaw ? file : raw,
    zip_data: isRaw ? null : file,
    first,
    last,
  };
}
