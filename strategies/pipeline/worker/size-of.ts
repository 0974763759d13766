import { types } from 'node:util';

/** This many parts of a value are looked at; the rest is taken to be like them. */
const maxParts = 256;
/** An object, and a part that is no text and no buffer, counts this much. */
const partBytes = 16;

/**
 * Returns about how many bytes a value takes, for the limits of queues. Texts and buffers count in full.
 * Large collections are estimated from their first parts.
 */
export function sizeOf(value: unknown): number {
  return size(value, { parts: maxParts });
}

interface Left {
  parts: number;
}

function size(value: unknown, left: Left): number {
  if (typeof value === 'string') return partBytes + value.length;
  if (typeof value !== 'object' || value === null) return partBytes;
  if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) return partBytes + value.byteLength;
  if (types.isProxy(value)) return partBytes;
  if (Array.isArray(value)) return partBytes + sizeOfAll(value, value.length, left);
  if (types.isMap(value))
    return (
      partBytes + sizeOfAll(value.keys(), value.size, left) + sizeOfAll(value.values(), value.size, left)
    );
  if (types.isSet(value)) return partBytes + sizeOfAll(value, value.size, left);
  let bytes = partBytes;
  for (const key of Object.keys(value)) {
    if (left.parts-- <= 0) break;
    bytes += size((value as Record<string, unknown>)[key], left);
  }
  return bytes;
}

function sizeOfAll(parts: Iterable<unknown>, count: number, left: Left): number {
  let bytes = 0;
  let seen = 0;
  for (const part of parts) {
    if (left.parts-- <= 0) break;
    seen++;
    bytes += size(part, left);
  }
  return seen === 0 ? count * partBytes : (bytes / seen) * count;
}
