/** A task may put a clock of its own into its place, as fake timers do. */
const { hrtime } = process;

/**
 * Returns milliseconds on the machine's monotonic clock, with nanosecond digits. All threads and processes
 * of the machine share its origin (libuv's `uv_hrtime`), so a time taken in a worker can be compared with
 * one taken by its parent. `performance.now()` has a different origin in each of them.
 */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
