/**
 * Returns the module text of a task that takes a fixed number of xorshift steps for each document, whatever
 * the document is. Without steps it is the trivial task.
 */
export function taskSource(steps: number): string {
  return `export function spin(steps) {
  let x = 1;
  for (let i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}
export default ({ bytes }) => ({ size: bytes.length, value: spin(${steps}) });
`;
}

/** Returns how many steps take this long on this machine, µs: the fastest of many calls counts. */
export function stepsFor(us: number, spin: (steps: number) => number): number {
  const steps = 20_000;
  let fastestUs = Number.POSITIVE_INFINITY;
  for (let call = 0; call < 2_000; call++) {
    const startedMs = performance.now();
    spin(steps);
    fastestUs = Math.min(fastestUs, (performance.now() - startedMs) * 1e3);
  }
  return Math.max(1, Math.round((steps * us) / fastestUs));
}
