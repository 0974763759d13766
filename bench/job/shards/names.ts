import { type Compression, compressions, endings } from './compression.js';

/** The files of a folder of shards. */

export const manifestName = 'manifest.ndjson';
export const failedName = 'failed.ndjson';
export const indexName = 'index.json';

export function shardName(number: number, compression: Compression): string {
  return `shard.${String(number).padStart(5, '0')}.ndjson${endings[compression]}`;
}

/** A shard has this name until it is whole. */
export function temporaryOf(name: string): string {
  return `${name}.tmp`;
}

export interface ShardName {
  readonly number: number;
  readonly compression: Compression;
}

/** Null for the name of another file. */
export function readShardName(name: string): ShardName | null {
  const [, digits, ending] = /^shard\.(\d{5,})\.ndjson(\.gz|\.zst|)$/.exec(name) ?? [];
  if (digits === undefined) return null;
  const compression = compressions.find((compression) => endings[compression] === ending) as Compression;
  return { number: Number(digits), compression };
}

export function isTemporary(name: string): boolean {
  return /^shard\.\d{5,}\.ndjson(\.gz|\.zst|)\.tmp$/.test(name);
}
