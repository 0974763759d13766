import { types } from 'node:util';
import { type ReadFile, readRegularFile, readRegularFileSync } from '../../workloads/read-file.js';
import type { Context, Workload } from '../../workloads/workload.js';
import type { CarriedDocument } from '../session/reference.js';

/** Outcomes of documents by reference say this of what the worker has read. */
export interface WasRead {
  readonly size: number;
  /** The file was changed at this time, ms since 1970; absent where no file was read. */
  readonly mtimeMs?: number;
}

/** A document by reference has this content, in a buffer of its own. */
export interface Content {
  readonly bytes: Uint8Array;
  readonly read: WasRead;
}

export interface ReadOptions {
  readonly resolve: Workload['resolve'];
  /** Tells whether other documents run on the same thread, which must not wait for the disk then. */
  readonly isShared: () => boolean;
}

/**
 * Reads the document to which the bytes refer (`session/reference.ts`): the file, or what the task's
 * `resolve` returns. The file is read at once where the thread has nothing else to do.
 * @throws Error when the file cannot be read, with its path in the message; what `resolve` throws; TypeError
 * when that returns no bytes, or is not there
 */
export function readReference(
  { by, bytes, path = bytes }: CarriedDocument,
  context: Context,
  { resolve, isShared }: ReadOptions,
): Content | Promise<Content> {
  if (by === 'path') return isShared() ? readLater(path) : readNow(path);
  if (resolve === undefined) throw withoutStack(new TypeError(noResolve));
  const found: unknown = resolve(JSON.parse(textOf(bytes).toString()), context);
  return isThenable(found) ? Promise.resolve(found).then(contentOf) : contentOf(found);
}

const noResolve =
  'expected the task to export a function `resolve`, which returns the bytes of a reference; got none';

function readNow(path: string | Uint8Array): Content {
  try {
    return fileContent(readRegularFileSync(pathOf(path)));
  } catch (cause) {
    throw unreadable(cause as Error, path);
  }
}

async function readLater(path: string | Uint8Array): Promise<Content> {
  try {
    return fileContent(await readRegularFile(pathOf(path)));
  } catch (cause) {
    throw unreadable(cause as Error, path);
  }
}

function fileContent({ bytes, state }: ReadFile): Content {
  return { bytes, read: { size: bytes.length, mtimeMs: state.mtimeMs } };
}

function contentOf(found: unknown): Content {
  if (!types.isUint8Array(found))
    throw withoutStack(new TypeError(`expected \`resolve\` to return a Uint8Array, got ${kindOf(found)}`));
  return { bytes: alone(found), read: { size: found.length } };
}

/** Returns the bytes as a plain `Uint8Array` that is the whole of an ordinary buffer; copies what is not. */
function alone(bytes: Uint8Array): Uint8Array {
  const { buffer, byteLength } = bytes;
  if (types.isSharedArrayBuffer(buffer) || buffer.byteLength !== byteLength) return new Uint8Array(bytes);
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype ? bytes : new Uint8Array(buffer);
}

/** Names the file in an error of the system that does not. */
function unreadable(cause: Error, path: string | Uint8Array): Error {
  const isNamed = (cause as NodeJS.ErrnoException).path !== undefined;
  return withoutStack(isNamed ? cause : named(cause, pathOf(path).toString()));
}

/** The stack would show our code. */
function withoutStack(error: Error): Error {
  delete error.stack;
  return error;
}

function named(cause: Error, name: string): Error {
  const { code } = cause as NodeJS.ErrnoException;
  // Node shows a text and bytes differently here, and strategies give it one or the other.
  const message = code === 'ERR_INVALID_ARG_VALUE' ? 'expected a path without a null byte' : cause.message;
  return Object.assign(new Error(`${message}: "${name}"`), code !== undefined && { code });
}

function pathOf(path: string | Uint8Array): string | Buffer {
  return typeof path === 'string' ? path : textOf(path);
}

/** Returns a view, no copy. The functions of `fs` take a path in this form on every system. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name = typeof value === 'object' ? value.constructor?.name : typeof value;
  return `a value of type ${name ?? 'object'}`;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
