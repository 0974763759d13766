/** The largest buffer by which glibc moves its limits, 32 MB, without what it adds to each. */
const bytes = 2 ** 25 - 2 ** 16;

/**
 * Lets memory of freed buffers be used for the next ones, in a thread that makes a buffer for each document.
 * glibc gives large buffers, and memory at the end of a thread's heap, back to the system, and every page of
 * the next buffer is faulted in again: 500 KB took a fifth more processor time. Once it has seen a buffer of
 * 32 MB freed, it keeps up to 64 MB per heap. Nothing writes to this buffer, so the system never gives it
 * memory. The limits are the process's, and glibc leaves them alone where the user has set them. Processes of
 * our own get them by their environment: `processes/allocator.ts`.
 */
export function keepFreedMemory(): void {
  void new ArrayBuffer(bytes);
}
