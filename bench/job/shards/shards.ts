import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, UnfitError, UsageError } from '../../errors.js';
import type { DocumentLine } from '../line.js';
import { LineFile } from '../line-file.js';
import { lock } from '../lock.js';
import type { Output, OutputOptions } from '../output.js';
import { type Job, refuseOthers, runOf, writeSidecar } from '../sidecar.js';
import { Tally } from '../tally.js';
import { type Compression, refuseMissing } from './compression.js';
import {
  isEmpty,
  makeFolder,
  namesIn,
  refuseFolder,
  refuseUnlisted,
  removeEmpty,
  unlistedIn,
} from './folder.js';
import { writeIndex } from './index-file.js';
import { Manifest, type ManifestLine } from './manifest.js';
import { failedName, indexName, isTemporary, manifestName, readShardName } from './names.js';
import { readShard } from './read-shard.js';
import { ShardFile } from './shard-file.js';

export interface ShardOptions {
  /** The lines of a shard have at most this many bytes together, before they are compressed. */
  readonly limit: number;
  readonly compression: Compression;
}

/**
 * A folder of shards, `--shards`: NDJSON files of limited size with the lines of the documents that are ok.
 *
 *     shard.00007.ndjson   whole and never changed; `.tmp` at its end while it is written
 *     manifest.ndjson      a line per shard; beside it the sidecar and the lock
 *     failed.ndjson        the lines of the documents that are not ok
 *     index.json           all shards, once every document has its line
 *
 * A shard counts when the manifest lists it: it is on the disk, has its name, and then gets its line. When
 * the process is killed, the work of one shard at most is lost, because no second one begins before.
 */
export class Shards implements Output {
  readonly path: string;
  readonly tally = new Tally();
  readonly hasPathIds = false;
  readonly #options: ShardOptions & OutputOptions;
  readonly #unlock: () => void;
  readonly #manifest: Manifest;
  readonly #failed: LineFile;
  #shard: ShardFile | null = null;
  #isChanged = false;
  #failure: RunError | null = null;

  /**
   * Begins a job's shards, or resumes them.
   * @throws UsageError when the folder has other files, or results of another job, or another process writes
   * there; UnfitError when the manifest, a shard or a line is damaged; RunError when the folder cannot be
   * read or written
   */
  constructor(folder: string, job: Job, options: ShardOptions & OutputOptions) {
    refuseMissing(options.compression);
    this.path = folder;
    this.#options = options;
    const manifest = join(folder, manifestName);
    const place = { flag: '--shards', given: folder, path: manifest, isEmpty: () => isEmpty(folder) };
    const isNew = refuseFolder(place);
    refuseOthers(place, job); // before the lock, so that nothing is written into a folder that is not ours
    if (isNew) makeFolder(folder);
    try {
      this.#unlock = lock(manifest);
    } catch (cause) {
      if (isNew) removeEmpty(folder);
      throw cause;
    }
    try {
      const schema = refuseOthers(place, job); // another process may have begun a job in the meantime
      const names = namesIn(folder);
      if (!names.includes(manifestName)) refuseUnlisted(folder, unlistedIn(names, []));
      if (schema === null) writeSidecar(manifest, job, options.forkwise);
      this.#manifest = this.#try(() => new Manifest(manifest));
      try {
        this.#failed = this.#resume(names);
      } catch (cause) {
        this.#manifest.close();
        throw cause;
      }
    } catch (cause) {
      this.#unlock();
      if (isNew) removeEmpty(folder);
      throw cause;
    }
  }

  get run(): string {
    return runOf(join(this.path, manifestName));
  }

  get intact(): string {
    return `all shards in "${join(this.path, manifestName)}" are whole`;
  }

  /** The shards that are whole. */
  get shards(): readonly ManifestLine[] {
    return this.#manifest.shards;
  }

  append(line: DocumentLine): void {
    if (this.#failure !== null) throw this.#failure;
    this.#change();
    if (line.notOk === null) this.#try(() => this.#appendToShard(line));
    else this.#failed.append(line.line);
    this.tally.add(line);
    if (line.notOk === null) this.#options.written(1);
  }

  /**
   * Replaces each shard that has such a document by one without it. The new one has a name of its own, so
   * that the manifest is true at any moment.
   */
  dropAgain(): void {
    this.#change();
    for (const shard of this.#manifest.shards) this.#dropFrom(shard);
    this.#failed.filter((record) => {
      if (!this.tally.runsAgain(record.id)) return true;
      this.tally.drop(record);
      return false;
    });
    this.tally.dropped();
  }

  finish(isComplete: boolean): void {
    if (this.#failure !== null) throw this.#failure;
    this.#finishShard();
    this.#failed.flush();
    const { forkwise } = this.#options;
    const { shards, tally, path } = this;
    if (isComplete) this.#try(() => writeIndex(path, { shards, failed: tally.notOkLines, forkwise }));
  }

  close(): void {
    try {
      if (this.#failure === null) this.#finishShard();
    } finally {
      try {
        this.#failed.close();
      } finally {
        this.#manifest.close();
        this.#unlock();
      }
    }
  }

  /** Reads what is there, checks all of it, and then removes what is not whole. */
  #resume(names: readonly string[]): LineFile {
    const { path } = this;
    const { shards, nextNumber } = this.#manifest;
    const unlisted = unlistedIn(names, shards);
    // A process that was killed leaves one of these: the next shard, or one that it has replaced.
    if (unlisted.some((name) => (readShardName(name)?.number ?? 0) > nextNumber))
      refuseUnlisted(path, unlisted);
    for (const shard of shards) for (const { record } of readShard(path, shard)) this.tally.found(record);
    return new LineFile(join(path, failedName), {
      see: (record) => this.tally.found(record),
      check: () => {
        this.#manifest.cut();
        for (const name of [...names.filter(isTemporary), ...unlisted]) rmSync(join(path, name));
      },
      written: this.#options.written,
      failed: this.#options.failed,
    });
  }

  #appendToShard(line: DocumentLine): void {
    const bytes = Buffer.byteLength(line.line);
    if (this.#shard?.hasRoomFor(bytes) === false) this.#finishShard();
    this.#shard ??= this.#newShard();
    this.#shard.append(line, bytes);
  }

  #newShard(limit = this.#options.limit): ShardFile {
    return new ShardFile(this.path, { ...this.#options, limit, number: this.#manifest.nextNumber });
  }

  #finishShard(): void {
    const shard = this.#shard;
    if (shard === null) return;
    this.#try(() => this.#manifest.add(shard.finish()));
    this.#shard = null;
  }

  #dropFrom(old: ManifestLine): void {
    const lines = [...readShard(this.path, old)];
    const dropped = lines.filter(({ record }) => this.tally.runsAgain(record.id));
    if (dropped.length === 0) return;
    this.#try(() => {
      const kept: ManifestLine[] = [];
      if (dropped.length < lines.length) {
        this.#shard = this.#newShard(old.limit);
        for (const { record, line, bytes } of lines)
          if (!this.tally.runsAgain(record.id)) this.#shard.append({ id: record.id, line }, bytes);
        kept.push(this.#shard.finish());
        this.#shard = null;
      }
      this.#manifest.replace(this.#manifest.shards.flatMap((shard) => (shard === old ? kept : [shard])));
      rmSync(join(this.path, old.name));
    });
    for (const { record } of dropped) this.tally.drop(record);
  }

  /** An index would not list what this call of the command adds. */
  #change(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    this.#try(() => rmSync(join(this.path, indexName), { force: true }));
  }

  /** @throws RunError where the system has thrown, after which nothing more is written */
  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof RunError || cause instanceof UnfitError || cause instanceof UsageError)
        throw cause;
      this.#failure = new RunError(
        `cannot write into "${this.path}": ${(cause as Error).message}; ` +
          'all shards in its manifest are whole, and the same command resumes the job',
        { cause },
      );
      this.#shard?.discard();
      this.#shard = null;
      throw this.#failure;
    }
  }
}
