/**
 * Milliseconds on the machine's monotonic clock, with nanosecond digits. One origin for all threads and processes of
 * the machine (libuv's `uv_hrtime`), so that a time taken in a worker can be compared with one taken by its parent;
 * `performance.now()` has another origin in each.
 */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
