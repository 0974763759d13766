import {
  accessSync,
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  read,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';

/** A file had this state when it was read. It has been changed when it has another state now. */
export interface FileState {
  /** The file had this size, bytes. */
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * A file's content, and the state of the file when it was opened. The bytes are a plain `Uint8Array` that is
 * the whole of its buffer.
 */
export interface ReadFile {
  readonly bytes: Uint8Array;
  readonly state: FileState;
}

/** Node reads at most this many bytes at once. */
const maxBytes = 2 ** 31 - 1;

/** A file of unknown size is read in pieces of this size. */
const chunkBytes = 8192;

/** Opening a pipe would otherwise wait until another process opens its other end. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a regular file into a buffer of its own.
 * @throws Error when it is another kind of file by now, is too large, or cannot be read.
 */
export function readRegularFile(path: string | Buffer): Promise<ReadFile> {
  return new Promise((resolve, reject) => {
    open(path, flags, (cause, file) => {
      if (cause !== null) return reject(cause);
      const end = (cause: Error | null, bytes?: Buffer, stats?: Stats) =>
        close(file, () => {
          if (cause !== null) reject(cause);
          else resolve({ bytes: own(bytes as Buffer), state: stateOf(stats as Stats) });
        });
      fstat(file, (cause, stats) => {
        const refusal = cause ?? refusalOf(stats);
        if (refusal !== null) return end(refusal);
        // The files of /proc say that they are empty, and are not.
        if (stats.size === 0) return readToEnd(file, (cause, bytes) => end(cause, bytes, stats));
        fill(file, Buffer.allocUnsafeSlow(stats.size), (cause, bytes) => end(cause, bytes, stats));
      });
    });
  });
}

/**
 * The same as `readRegularFile`, and blocks the thread meanwhile. Where the file is in memory, this is
 * several times as fast: no other thread has to be woken.
 * @throws Error as `readRegularFile` rejects
 */
export function readRegularFileSync(path: string | Buffer): ReadFile {
  return readSmallFileSync(path, maxBytes) as ReadFile;
}

/** Reads a file that has at most `limit` bytes, and only the state of a larger one. @throws Error as above */
export function readSmallFileSync(
  path: string | Buffer,
  limit: number,
): ReadFile | { readonly bytes: null; readonly state: FileState } {
  const file = openSync(path, flags);
  try {
    const stats = fstatSync(file);
    const refusal = refusalOf(stats);
    if (refusal !== null) throw refusal;
    const { size, mtimeMs } = stats;
    if (size > limit) return { bytes: null, state: { size, mtimeMs } };
    // The files of /proc say that they are empty, and are not.
    const bytes = size === 0 ? readFileSync(file) : fillSync(file, Buffer.allocUnsafeSlow(size));
    return { bytes: own(bytes), state: { size, mtimeMs } };
  } finally {
    closeSync(file);
  }
}

function fillSync(file: number, buffer: Buffer): Buffer {
  for (let filled = 0; filled < buffer.length; ) {
    const count = readSync(file, buffer, filled, buffer.length - filled, null);
    if (count === 0) return buffer.subarray(0, filled);
    filled += count;
  }
  return buffer;
}

/** Copies a part of a larger buffer: it would travel to a worker with the whole. */
function own(bytes: Buffer): Uint8Array {
  const { buffer } = bytes;
  return bytes.length === buffer.byteLength ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

/**
 * Node's own `readFile` loses errors when it is given a descriptor (20.20 and 24): the file seems empty.
 */
function readToEnd(
  file: number,
  done: (cause: Error | null, bytes: Buffer) => void,
  chunks: readonly Buffer[] = [],
): void {
  read(file, Buffer.allocUnsafeSlow(chunkBytes), 0, chunkBytes, null, (cause, count, chunk) => {
    if (cause !== null || count === 0) done(cause, Buffer.concat(chunks));
    else readToEnd(file, done, [...chunks, chunk.subarray(0, count)]);
  });
}

/** A file that has shrunk in the meantime gives the bytes that are left. */
function fill(
  file: number,
  buffer: Buffer,
  done: (cause: Error | null, bytes: Buffer) => void,
  filled = 0,
): void {
  read(file, buffer, filled, buffer.length - filled, filled, (cause, count) => {
    if (cause !== null) return done(cause, buffer);
    const length = filled + count;
    if (count > 0 && length < buffer.length) return fill(file, buffer, done, length);
    done(null, length === buffer.length ? buffer : buffer.subarray(0, length));
  });
}

export function stateOf({ size, mtimeMs }: FileState): FileState {
  return { size, mtimeMs };
}

/** Says what happened to a file since it had this state; null when nothing did. */
export function changeOf(path: string | Buffer, was: FileState): string | null {
  let now: Stats | undefined;
  try {
    now = statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    return `became unreadable (${(cause as Error).message})`;
  }
  if (now === undefined) return 'was removed';
  return now.size === was.size && now.mtimeMs === was.mtimeMs ? null : 'changed';
}

/** Why a file cannot be read, as far as that is known without reading it; null when it can. */
export function whyUnreadable(path: string | Buffer, size: number): Error | null {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    return cause as Error;
  }
  return tooLarge(size);
}

function refusalOf(stats: Stats): Error | null {
  if (!stats.isFile())
    return new Error('expected a regular file, got a folder, a pipe, a socket or a device');
  return tooLarge(stats.size);
}

function tooLarge(size: number): Error | null {
  if (size <= maxBytes) return null;
  return new RangeError(`its size (${size} bytes) is greater than 2 GiB, which is the most that can be read`);
}
