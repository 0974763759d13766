import { isDeepStrictEqual } from 'node:util';
import { DefaultDeserializer } from 'node:v8';
import { copyOfView } from './large-parts.js';

/** Reads a value whose typed arrays have memory of their own, as the task's result had. */
export function valueIn(bytes: Buffer): unknown {
  if (bytes[0] !== serializedStart) return JSON.parse(bytes.toString());
  const reader = new OwnParts(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** Compares what must be equal: what the task's `digest` returns, or else the values. */
export function isSameValue(
  kept: unknown,
  found: unknown,
  digest: ((result: unknown) => string) | null,
): boolean {
  return digest === null ? isDeepStrictEqual(kept, found) : digest(kept) === digest(found);
}

class OwnParts extends DefaultDeserializer {
  _readHostObject(): unknown {
    const part = (DefaultDeserializer.prototype as unknown as HostReader)._readHostObject.call(this);
    return ArrayBuffer.isView(part) ? copyOfView(part) : part;
  }
}

interface HostReader {
  _readHostObject(): unknown;
}

/** What `v8.serialize` writes begins with this byte, which no JSON has. */
const serializedStart = 0xff;
