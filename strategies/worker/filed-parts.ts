import { closeSync, readSync, statfsSync, writeSync } from 'node:fs';
import { types } from 'node:util';
import { writeRegion } from '../processes/regions.js';
import { countPosition, type FiledPart, type FileOffer, headBytes } from '../processes/result-file.js';
import { openSharedFile, usualFolders } from '../processes/shared-file.js';
import type { LargePart, LargeParts, PartsOfReply } from './large-parts.js';
import { PartPlaces } from './part-places.js';

/**
 * A worker's file has room for results of this many bytes. They wait there until the caller has read them,
 * and a small file stays in the processor's cache.
 */
const maxBytes = 16 * 2 ** 20;
/** The files of all workers together take at most this part of the space that the folder has left. */
const maxShare = 1 / 4;

/** Makes `FiledParts` where the caller can open a worker's file. */
export function filedParts(workers: number, offer: (offer: FileOffer) => void): FiledParts | null {
  return process.platform === 'linux' ? new FiledParts(workers, offer) : null;
}

interface File {
  readonly fd: number;
  readonly places: PartPlaces;
}

/** The worker's side of `processes/result-file.ts`: it writes large parts of results into its file. */
export class FiledParts implements LargeParts {
  readonly #workers: number;
  readonly #offer: (offer: FileOffer) => void;
  /** Undefined before the first large part; null: parts travel in messages. */
  #file: File | null | undefined;
  /** The caller has read this many parts, as far as the worker knows. */
  #counted = 0;
  readonly #count = new Float64Array(1);
  #parts: FiledPart[] = [];

  constructor(workers: number, offer: (offer: FileOffer) => void) {
    this.#workers = workers;
    this.#offer = offer;
  }

  take(part: LargePart): object | null {
    if (this.#file === undefined) this.#file = this.#open();
    const file = this.#file;
    if (file === null || !this.#isAccepted(file)) return null;
    const bytes = part.byteLength;
    const place = file.places.take(bytes);
    if (place === null) return null;
    const position = headBytes + place;
    try {
      writeRegion(file.fd, [bytesOf(part)], position);
    } catch (cause) {
      this.#giveUp(file, cause);
      return null;
    }
    const hole = {};
    this.#parts.push({ hole, position, bytes, type: typeOf(part) });
    return hole;
  }

  note(reply: PartsOfReply): void {
    if (this.#parts.length === 0) return;
    reply.filed = this.#parts;
    this.#parts = [];
  }

  forget(): void {
    if (this.#parts.length === 0) return;
    this.#file?.places.giveBack(this.#parts.length);
    this.#parts = [];
  }

  /** Offers the file, which the caller accepts later if it can. */
  #open(): File | null {
    for (const folder of usualFolders()) {
      const { file } = openSharedFile({ bytes: headBytes, folders: [folder] });
      if (file === null) continue;
      const { fd } = file;
      const { bavail, bsize } = statfsSync(folder.path);
      const places = new PartPlaces(Math.min(maxBytes, (bavail * bsize * maxShare) / this.#workers));
      const key = Math.random();
      writeSync(fd, new Float64Array([key]), 0, Float64Array.BYTES_PER_ELEMENT, 0);
      this.#offer({ kind: 'result file', fd, key });
      return { fd, places };
    }
    return null;
  }

  /**
   * Frees the places of the parts that the caller has read. Returns false when it has not accepted the file.
   */
  #isAccepted({ fd, places }: File): boolean {
    readSync(fd, this.#count, 0, this.#count.byteLength, countPosition);
    const count = this.#count[0] as number;
    if (count === 0) return false;
    places.free(count - 1 - this.#counted);
    this.#counted = count - 1;
    return true;
  }

  /** The disk is full. What is in the file already can still be read there, since the caller has it open. */
  #giveUp({ fd }: File, cause: unknown): void {
    process.emitWarning(`large results of one worker travel in messages from now on: ${messageOf(cause)}`);
    this.#file = null;
    closeSync(fd);
  }
}

function bytesOf(part: LargePart): Uint8Array {
  return ArrayBuffer.isView(part)
    ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    : new Uint8Array(part);
}

/** Returns the name of the class that the caller makes again; a class of the task's own becomes its base. */
function typeOf(part: LargePart): string {
  if (Buffer.isBuffer(part)) return 'Buffer';
  if (types.isTypedArray(part)) return part[Symbol.toStringTag];
  return types.isDataView(part) ? 'DataView' : 'ArrayBuffer';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
