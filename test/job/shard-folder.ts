import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Line } from './job.js';

/** What a folder of shards holds. */
export interface ShardFolder {
  /** Lines of the listed shards, in their order. */
  readonly lines: readonly Line[];
  /** Numbers of documents of the listed shards. */
  readonly sizes: readonly number[];
  readonly failed: readonly Line[];
  readonly files: readonly string[];
}

const linesOf = (text: string) => text.split('\n').slice(0, -1);
const textIn = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Reads a folder without the code under test, and checks every line of its manifest that is whole. */
export function readShardFolder(folder: string): ShardFolder {
  const manifest = linesOf(textIn(join(folder, 'manifest.ndjson'))).map((line) => JSON.parse(line));
  const lines: Line[] = [];
  for (const { name, bytes, sha256, documents, first, last, rawBytes } of manifest) {
    const file = readFileSync(join(folder, name));
    assert.deepEqual(
      [file.length, createHash('sha256').update(file).digest('hex')],
      [bytes, sha256],
      `${name} is not what the manifest says`,
    );
    const raw = String(name).endsWith('.gz') ? gunzipSync(file) : file;
    const own: Line[] = linesOf(raw.toString()).map((line) => JSON.parse(line));
    assert.deepEqual(
      [raw.length, own.length, own[0]?.id, own.at(-1)?.id],
      [rawBytes, documents, first, last],
      name,
    );
    lines.push(...own);
  }
  return {
    lines,
    sizes: manifest.map(({ documents }) => documents),
    failed: linesOf(textIn(join(folder, 'failed.ndjson'))).map((line) => JSON.parse(line)),
    files: readdirSync(folder).sort(),
  };
}

/** The folder is complete: each of these documents has one line, and nothing is left of any process. */
export function assertComplete(folder: string, ids: readonly string[]): ShardFolder {
  const found = readShardFolder(folder);
  const all = [...found.lines, ...found.failed].map(({ id }) => id);
  assert.deepEqual(all.sort(), [...ids].sort());
  for (const name of ['manifest.ndjson', 'failed.ndjson'])
    assert.match(textIn(join(folder, name)), /^$|\n$/, `${name} ends with a torn line`);
  const manifest = linesOf(textIn(join(folder, 'manifest.ndjson'))).map((line) => JSON.parse(line));
  const others = ['failed.ndjson', 'index.json', 'manifest.ndjson', 'manifest.ndjson.json'];
  assert.deepEqual(found.files, [...others, ...manifest.map(({ name }) => name)].sort());
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  assert.deepEqual([index.documents, index.failed], [found.lines.length, found.failed.length]);
  assert.deepEqual(
    index.shards,
    manifest.map(({ name, bytes, sha256, documents, first, last, rawBytes, limit }) => {
      const file = { basename: name, bytes, hashes: { sha256 } };
      const shard = {
        format: 'ndjson',
        samples: documents,
        size_limit: limit,
        hashes: ['sha256'],
        first,
        last,
      };
      if (name.endsWith('.ndjson')) return { ...shard, compression: null, raw_data: file, zip_data: null };
      const raw = { basename: name.replace('.gz', ''), bytes: rawBytes, hashes: {} };
      return { ...shard, compression: 'gzip', raw_data: raw, zip_data: file };
    }),
  );
  return found;
}
