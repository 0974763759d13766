/** The task's teardown may take this long, ms. A worker then gives it up, and warns of it. */
export const teardownMs = 5000;

/**
 * A worker that is asked to close is ended after this time, ms. It has ended by itself before, unless it was
 * stopped or computes: this leaves it the time to print its warning.
 */
export const closeGraceMs = teardownMs + 500;
