import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { KeyTable } from './key-table.js';
import { RecordLog } from './record-log.js';
import { makeRoom } from './room.js';

/**
 * Results of one task by key (see `documentKey`), in a folder that any number of threads and processes use.
 *
 * Results are in data files: each worker appends to one of its own, and begins another when that is full.
 * Index files say which result is where. All workers append to the newest one, and read what others have
 * appended, so a result is found as soon as it is kept. A file per result would be simpler, but the system
 * takes 130 µs to create a file, and 6 µs to append to one.
 *
 * A process may end at any time: what it has not written is not found. A result is read with its length and
 * checksum, so one that is torn, or whose file has been removed to make room, is not found, either.
 */
export class Store {
  readonly #folder: string;
  readonly #root: string;
  readonly #maxBytes: number;
  readonly #indexes: IndexFile[] = [];
  readonly #table = new KeyTable();
  readonly #body = Buffer.alloc(bodySize);
  #hasIds = false;
  readonly #seeEntry: (entry: Buffer) => void;
  readonly #data = new Map<string, DataFile>();
  #own: OwnFile | null = null;

  /**
   * @param root the folder of the whole cache, which has at most `maxBytes`
   * @param task the results of this task are in a folder of this name
   * @param seeEntry gets each entry when it is read: it begins with its key, and is valid during the call
   * @throws Error of the system
   */
  constructor({
    root,
    task,
    maxBytes,
    seeEntry = () => {},
  }: {
    readonly root: string;
    readonly task: string;
    readonly maxBytes: number;
    readonly seeEntry?: (entry: Buffer) => void;
  }) {
    this.#seeEntry = seeEntry;
    this.#root = root;
    this.#folder = join(root, task);
    this.#maxBytes = maxBytes;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const numbers = readdirSync(this.#folder).flatMap((name) =>
      name.endsWith(indexEnding) ? [Number.parseInt(name, 10)] : [],
    );
    for (const number of numbers.sort((a, b) => a - b)) this.#openIndex(number);
    if (numbers.length === 0) this.#openIndex(0);
    for (const place of this.#indexes.keys()) this.#readFrom(place);
  }

  /**
   * Reads what was kept since the last call. A worker that did not know of the newest file yet has appended
   * to the one before it, so that is read once more, too.
   */
  readNew(): void {
    if (this.#indexes.length > 1) this.#readFrom(this.#indexes.length - 2);
    for (;;) {
      this.#readFrom(this.#indexes.length - 1);
      const { log, number } = this.#indexes.at(-1) as IndexFile;
      if (log.position < Math.min(maxIndexSize, this.#maxSize)) return;
      this.#openIndex(number + 1);
    }
  }

  /** Returns what is kept under the key, as far as the index has been read, or null. */
  get(key: string): Kept | null {
    let kept: Kept | null = null;
    this.#table.find(key, (place) => {
      const index = this.#indexes[Math.floor(place / placesPerIndex)] as IndexFile;
      index.log.bodyAt(place % placesPerIndex, this.#body);
      if (this.#body.toString('latin1', 0, keySize) !== key) return false;
      kept = this.#read(this.#body);
      if (kept !== null) use(index);
      return kept !== null;
    });
    return kept;
  }

  /** True when some results were kept by the id of their document. */
  get hasIds(): boolean {
    return this.#hasIds;
  }

  /**
   * Keeps results: the values first, and then their entries, so an entry never names what is not written yet.
   * Each is one call of the system, however many results they are, unless a file is full.
   * @returns the results that are kept; the others are too large for the cache
   * @throws Error of the system, such as that of a full disk
   */
  put<T extends NewResult>(results: readonly T[]): T[] {
    const maxBytes = this.#maxBytes * maxShareOfResult;
    const kept = results.filter(({ bytes }) => bytes.length <= maxBytes);
    const places: Place[] = [];
    while (places.length < kept.length) {
      const own = this.#ownFile();
      const values: Buffer[] = [];
      let { size } = own;
      while (places.length < kept.length && size < this.#maxSize) {
        const { bytes, taskMs } = kept[places.length] as T;
        bytes.writeDoubleLE(taskMs);
        values.push(bytes);
        places.push({ file: own.name, offset: size });
        size += bytes.length;
      }
      own.size += writeSync(own.fd, values.length === 1 ? (values[0] as Buffer) : Buffer.concat(values));
    }
    if (kept.length === 0) return kept;
    this.readNew(); // the newest index may be another one by now
    const { log } = this.#indexes.at(-1) as IndexFile;
    log.append(kept.length, (body, i) => writeEntry(body, kept[i] as T, places[i] as Place));
    return kept;
  }

  close(): void {
    for (const { log } of this.#indexes) log.close();
    for (const { fd } of this.#data.values()) if (fd !== null) closeSync(fd);
    if (this.#own !== null) closeSync(this.#own.fd);
  }

  /** Reads the result that an index entry names; null when it is not there, or is not what was kept. */
  #read(body: Buffer): Kept | null {
    const file = this.#dataFile(body.toString('hex', at.file, at.offset));
    if (file.fd === null) return null;
    const length = body.readUInt32LE(at.length);
    const bytes = Buffer.allocUnsafeSlow(length);
    if (length < timeSize || readSync(file.fd, bytes, 0, length, body.readDoubleLE(at.offset)) !== length)
      return null;
    if (crc32(bytes) !== body.readUInt32LE(at.checksum)) return null;
    use(file);
    return { bytes: bytes.subarray(timeSize), taskMs: bytes.readDoubleLE(0) };
  }

  #dataFile(name: string): DataFile {
    const known = this.#data.get(name);
    if (known !== undefined) return known;
    if (this.#data.size >= maxOpen) {
      const [oldest] = this.#data;
      if (oldest?.[1].fd != null) closeSync(oldest[1].fd);
      this.#data.delete(oldest?.[0] as string);
    }
    const path = join(this.#folder, `${name}${dataEnding}`);
    const file = { path, ...opened(path) };
    this.#data.set(name, file);
    return file;
  }

  /** Appends to this file; makes room before it begins another one. */
  #ownFile(): OwnFile {
    if (this.#own !== null && this.#own.size < this.#maxSize) return this.#own;
    if (this.#own !== null) closeSync(this.#own.fd);
    makeRoom(this.#root, this.#maxBytes);
    const name = randomBytes(nameSize);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 }); // an empty folder may have been removed
    const fd = openSync(join(this.#folder, `${name.toString('hex')}${dataEnding}`), 'ax', 0o600);
    this.#own = { name, fd, size: 0 };
    return this.#own;
  }

  /** A data file of this size is full, bytes. */
  get #maxSize(): number {
    return this.#maxBytes / filesPerCache;
  }

  /** Reads the new entries of one index file. */
  #readFrom(index: number): void {
    this.#indexes[index]?.log.read((body, position) => {
      if (body.readUInt32LE(at.isOfId) === 1) this.#hasIds = true;
      this.#table.add(body, index * placesPerIndex + position);
      this.#seeEntry(body);
    });
  }

  #openIndex(number: number): void {
    const path = join(this.#folder, `${number.toString().padStart(6, '0')}${indexEnding}`);
    this.#indexes.push({ number, path, log: new RecordLog(path, bodySize), usedMs: 0 });
  }
}

/** Marks a file as used: files that were not used for the longest time are removed first. */
function use(file: UsedFile): void {
  const nowMs = Date.now();
  if (Math.abs(nowMs - file.usedMs) < markMs) return;
  file.usedMs = nowMs;
  try {
    utimesSync(file.path, nowMs / 1e3, nowMs / 1e3);
  } catch {
    // It has just been removed.
  }
}

function writeEntry(body: Buffer, { key, bytes, isOfId }: NewResult, { file, offset }: Place): void {
  body.write(key, 0, 'latin1');
  body.set(file, at.file);
  body.writeDoubleLE(offset, at.offset);
  body.writeUInt32LE(bytes.length, at.length);
  body.writeUInt32LE(crc32(bytes), at.checksum);
  body.writeUInt32LE(isOfId ? 1 : 0, at.isOfId);
}

/** A result, as bytes, and how long its task took. */
export interface Kept {
  readonly bytes: Buffer;
  readonly taskMs: number;
}

/** A result to be kept. */
export interface NewResult {
  readonly key: string;
  /** The first `timeSize` bytes are free: `put` writes the time there, so that all is one write. */
  readonly bytes: Buffer;
  readonly taskMs: number;
  /** The key has the document's id. */
  readonly isOfId: boolean;
}

/** A result begins at this place of a data file. */
interface Place {
  readonly file: Buffer;
  readonly offset: number;
}

/** A worker appends results to this file. */
interface OwnFile {
  readonly name: Buffer;
  readonly fd: number;
  size: number;
}

interface UsedFile {
  readonly path: string;
  usedMs: number;
}

interface IndexFile extends UsedFile {
  readonly number: number;
  readonly log: RecordLog;
}

interface DataFile extends UsedFile {
  /** Null where the file is not there any more. */
  readonly fd: number | null;
}

function opened(path: string): Pick<DataFile, 'fd' | 'usedMs'> {
  try {
    const fd = openSync(path, 'r');
    return { fd, usedMs: fstatSync(fd).mtimeMs };
  } catch {
    return { fd: null, usedMs: 0 };
  }
}

const dataEnding = '.results';
const indexEnding = '.index';

const keySize = 32;
const nameSize = 8;
const at = {
  file: keySize,
  offset: keySize + nameSize,
  length: keySize + 16,
  checksum: keySize + 20,
  isOfId: keySize + 24,
};
const bodySize = keySize + 28;
/** The time of the task is before its result, and has this size. */
export const timeSize = 8;

/** A cache has about this many files, so that removing the oldest ones removes little at a time. */
const filesPerCache = 128;
/** A result may have this share of the cache. */
const maxShareOfResult = 1 / 8;
/** An index file has at most about this size: 65,536 entries. */
const maxIndexSize = 2 ** 22;
/** Files are smaller than this. */
const placesPerIndex = 2 ** 32;
/** Data files of which a worker keeps open at most this many. */
const maxOpen = 64;
/** A file that is used is marked this often, ms. */
const markMs = 10_000;
