/**
 * Lets V8 free buffers that other threads have moved here and that no code uses any more. It counts their
 * bytes, but up to V8 12 (Node 22) it collects young objects for them only when this thread makes a buffer
 * itself. A thread that makes none waits for a full collection of its heap, every 40 results of 2 MB. These
 * collections took a third of the processor time of such results. Later versions of V8 do not look here, and
 * lose nothing by a buffer of one byte.
 *
 * A buffer is freed in this way only if no old object leads to it, even one that is garbage itself. So a
 * promise or a queue that has waited long must not keep the value that it had.
 */
export function freeReceivedBuffers(): void {
  void new ArrayBuffer(1);
}
