import { types } from 'node:util';
import { isPlain } from '../worker/cloneable.js';
import { largeBytes } from '../worker/large-parts.js';
import { movedBytes, type RunMessage } from './protocol.js';
import type { Stage } from './stage.js';
import type { StageValue } from './staged-document.js';

export interface Sent {
  readonly message: RunMessage;
  /** Buffers that the message moves. The values that had them are gone for the controller. */
  readonly moved: readonly ArrayBuffer[];
}

/**
 * Makes the message that carries values to a worker. The controller keeps documents, so their bytes are
 * copied. It passes values on and does not need them again: to a thread, their large buffers are moved.
 */
export function messageOf(
  stage: Stage,
  values: readonly StageValue[],
  { isProcess, isWatched }: { readonly isProcess: boolean; readonly isWatched: boolean },
): Sent {
  const moved: ArrayBuffer[] = [];
  const isFirst = stage.number === 0;
  const sent = values.map((value) => {
    if (isProcess) return value.value;
    return isFirst ? ownBytes(value.value as Uint8Array, moved) : passedOn(value, moved);
  });
  const owners = values.map(({ owner }) => owner.document);
  return {
    message: {
      kind: 'run',
      stage: stage.number,
      ids: owners.map(({ id }) => id),
      indexes: owners.map(({ index }) => index),
      values: sent,
      ...(isFirst && owners.some(({ by }) => by !== undefined) && { by: owners.map(({ by }) => by) }),
      ...(values.some(({ path }) => path.length > 0) && {
        parts: values.map(({ path }) => path.map((place) => `.${place}`).join('')),
      }),
      isBatch: stage.description.batch !== null,
      isWatched,
    },
    moved,
  };
}

/** A message would clone a small view with its whole buffer, and would share memory that is shared. */
function ownBytes(bytes: Uint8Array, moved: ArrayBuffer[]): Uint8Array {
  if (bytes.length < largeBytes && isWhole(bytes)) return bytes;
  const copy = new Uint8Array(bytes);
  moved.push(copy.buffer);
  return copy;
}

function passedOn(value: StageValue, moved: ArrayBuffer[]): unknown {
  const before = moved.length;
  if (ArrayBuffer.isView(value.value)) collect(value.value, moved);
  else if (value.value !== null && typeof value.value === 'object') {
    collect(value.value, moved);
    if (isPlainObject(value.value)) for (const part of Object.values(value.value)) collect(part, moved);
  }
  if (moved.length > before) value.isGone = true;
  return value.value;
}

function collect(part: unknown, moved: ArrayBuffer[]): void {
  const buffer = ArrayBuffer.isView(part) ? part.buffer : part;
  // A message has brought the value, so its buffers are of this thread's own class.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < movedBytes) return;
  if (ArrayBuffer.isView(part) && part.byteLength !== buffer.byteLength) return;
  if (!moved.includes(buffer)) moved.push(buffer);
}

function isPlainObject(value: object): boolean {
  return !types.isProxy(value) && isPlain(value, Object.getPrototypeOf(value));
}

function isWhole({ buffer, byteLength }: ArrayBufferView): boolean {
  return types.isArrayBuffer(buffer) && buffer.byteLength === byteLength;
}
