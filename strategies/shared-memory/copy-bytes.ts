/**
 * Copies into and out of shared memory. `TypedArray.prototype.set`, `slice` and the constructor copy shared
 * memory word by word, since another thread may write to it: they take three to five times as long as a copy
 * of ordinary memory. `Buffer.fill` with bytes of the same length is a plain `memcpy` in every version of
 * Node. It may be used where no thread writes to the bytes that are copied, which the claim table ensures.
 */

/** A call into Node's own code takes as long as a copy of about this many bytes by the engine. */
const fewBytes = 1024;

export function copyInto(memory: Buffer, bytes: Uint8Array, at: number): void {
  if (bytes.length < fewBytes) memory.set(bytes, at);
  else memory.fill(bytes, at, at + bytes.length);
}

/** Returns a copy of the view that is alone in an ordinary buffer. */
export function privateCopy(view: Uint8Array): Uint8Array {
  if (view.length < fewBytes) return new Uint8Array(view);
  const own = Buffer.allocUnsafeSlow(view.length); // not filled with zeros first
  own.fill(view);
  return new Uint8Array(own.buffer); // a task gets no Buffer, whose `slice` does something else
}
