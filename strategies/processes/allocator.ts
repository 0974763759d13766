/**
 * Environment variables of worker processes. They let memory of one document's buffer be used for the next
 * one. By default the C library gives memory of this size back to the system each time, and every page of
 * the next buffer is faulted in again: 500 KB took a fifth longer. glibc raises these limits by itself when
 * it has seen larger buffers freed; other C libraries do not read the settings.
 */
export const allocator = {
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(64 * 2 ** 20),
};
