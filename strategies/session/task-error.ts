import { types } from 'node:util';
import { serialize } from 'node:v8';
import { sourceStack } from '../../workloads/source-stack.js';
import { attempt, isInstance, memberOf } from '../../workloads/thrown.js';
import type { TaskError } from '../strategy.js';
import { snapshot } from '../worker/snapshot.js';

/** Causes, and errors of aggregates, are followed this deep. */
const maxDepth = 5;
/** A thrown error carries this many errors of aggregates, its causes' included. */
const maxErrors = 100;
/** The `data` of a thrown error and its causes has at most this size, bytes; the mark of a cut counts. */
const maxDataBytes = 64 * 1024;
/** Bytes that are kept free for the mark. */
const markBytes = 1024;
/** The mark names this many members. */
const maxNamed = 8;
/** A text is not cut to less than this. */
const minCharacters = 100;
/** At most; texts without characters beyond Latin-1 need half. */
const bytesPerCharacter = 2;

/** How a worker ended, as far as the caller knows. */
export type WorkerEnd = Pick<TaskError, 'exitCode' | 'signal' | 'outOfMemory'>;

/** A worker ended before it answered. */
export class WorkerEnded extends Error {
  readonly end: WorkerEnd;
  /** The error that ended the worker, if it could still report one. */
  readonly reason: TaskError | null;

  constructor(message: string, end: WorkerEnd = {}, reason: TaskError | null = null) {
    super(message);
    this.end = end;
    this.reason = reason;
  }
}

/**
 * Turns anything that was thrown into plain data, which is the same in every strategy. Members of the error
 * that cannot be cloned are left out. Never throws.
 */
export function taskError(thrown: unknown): TaskError {
  return describe(thrown, { bytes: maxDataBytes - markBytes, errors: maxErrors }, 0);
}

/** Makes an error again of one that a worker has reported. */
export function errorOf({ name, message, stack, code, cause, errors, data, ...end }: TaskError): Error {
  if (Object.keys(end).length > 0) return new WorkerEnded(message, end, cause ?? null);
  const error = new Error(message, cause && { cause: errorOf(cause) });
  return Object.assign(error, data, {
    name,
    ...(stack !== undefined && { stack }),
    ...(code !== undefined && { code }),
    ...(errors !== undefined && { errors: errors.map(errorOf) }),
  });
}

/** One thrown error, with its causes, may still carry this much. */
interface Room {
  bytes: number;
  errors: number;
}

function describe(thrown: unknown, room: Room, depth: number): TaskError {
  if (!types.isProxy(thrown) && isInstance(thrown, WorkerEnded)) return describeEnd(thrown);
  const isError = isErrorLike(thrown);
  const error = isError
    ? { name: printable(memberOf(thrown, 'name')), message: printable(memberOf(thrown, 'message')) }
    : { name: 'NonError', message: printable(thrown) };
  if (!isError && !isPlainObject(thrown)) return error;
  const [stack, code, cause, errors] = ['stack', 'code', 'cause', 'errors'].map((key) =>
    memberOf(thrown, key),
  );
  const hasErrors = isListOfErrors(errors);
  const goesDeeper = depth < maxDepth;
  const own: Partial<TaskError> = {
    ...(isError && typeof stack === 'string' && { stack: sourceStack(stack) }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(cause !== undefined && cause !== null && goesDeeper && { cause: describe(cause, room, depth + 1) }),
    ...(hasErrors && goesDeeper && { errors: describeAll(errors, room, depth + 1) }),
  };
  const taken = ['name', 'message', 'stack', 'cause', ...(hasErrors ? ['errors'] : []), ...Object.keys(own)];
  const data = dataOf(thrown, taken, room);
  return { ...error, ...own, ...(data !== null && { data }) };
}

function describeEnd({ message, end, reason }: WorkerEnded): TaskError {
  return { name: 'Error', message, ...end, ...(reason !== null && { cause: reason }) };
}

function describeAll(errors: readonly unknown[], room: Room, depth: number): TaskError[] {
  const length = Math.min(errors.length, room.errors);
  room.errors -= length;
  return Array.from({ length }, (_, i) => describe(memberOf(errors, i), room, depth));
}

/** The members of an error that its other fields do not have; null if there are none. */
function dataOf(thrown: object, taken: readonly string[], room: Room): Record<string, unknown> | null {
  const data: [string, unknown][] = [];
  const tooLarge: [string, unknown][] = [];
  const keep = (entry: [string, unknown]) => {
    room.bytes -= sizeOf(entry);
    data.push(entry);
  };
  for (const key of keysOf(thrown)) {
    const value = taken.includes(key) ? undefined : memberOf(thrown, key);
    if (value === undefined) continue;
    try {
      if (isLong(value, room.bytes)) tooLarge.push([key, value]);
      else {
        const entry: [string, unknown] = [key, snapshot(value, 'any')];
        if (sizeOf(entry) <= room.bytes) keep(entry);
        else tooLarge.push([key, null]);
      }
    } catch {
      // It cannot be cloned, or has a getter that throws.
    }
  }
  for (const [key, value] of tooLarge) {
    const characters = Math.floor((room.bytes - sizeOf([key, ''])) / bytesPerCharacter);
    if (typeof value === 'string' && characters >= minCharacters) keep([key, value.slice(0, characters)]);
  }
  if (tooLarge.length > 0) data.push(['…', cutMark(tooLarge.map(([key]) => key))]);
  return data.length === 0 ? null : Object.fromEntries(data);
}

/** True for texts and bytes that need not be copied to see that they are too large. */
function isLong(value: unknown, bytes: number): boolean {
  return typeof value === 'string'
    ? bytesPerCharacter * value.length > bytes
    : ArrayBuffer.isView(value) && value.byteLength > bytes;
}

function sizeOf(value: unknown): number {
  return serialize(value).length;
}

function cutMark(left: readonly string[]): string {
  const named = left.slice(0, maxNamed).map((key) => key.slice(0, 64));
  const more = left.length - named.length;
  const names = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return `cut, because the data of an error may have ${maxDataBytes / 1024} KB: ${names}`;
}

/** Errors of this realm and of others, and objects that look like errors, such as a DOMException of jsdom. */
function isErrorLike(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (types.isNativeError(value)) return true;
  return typeof memberOf(value, 'name') === 'string' && typeof memberOf(value, 'message') === 'string';
}

function isListOfErrors(value: unknown): value is readonly unknown[] {
  return !types.isProxy(value) && Array.isArray(value) && attempt(() => value.some(isErrorLike), false);
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || attempt(() => Object.getPrototypeOf(prototype) === null, false);
}

function keysOf(value: object): string[] {
  return attempt(() => Object.keys(value).filter((key) => key !== '__proto__'), []);
}

/** An object without a prototype, and a revoked proxy, cannot be made a string. */
function printable(value: unknown): string {
  return typeof value === 'string' ? value : attempt(() => String(value), '[object Object]');
}
