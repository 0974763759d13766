import { appendFileSync, existsSync } from 'node:fs';

/**
 * A file proves that a fault happened, because the process in which it happens may not survive to report
 * it. The path is in the environment, which threads and child processes inherit.
 */
const variable = 'FORKWISE_FAULT_MARK';

/** Must be called before the strategy is opened. */
export function markIn(path: string): void {
  process.env[variable] = path;
}

/** Must be called when the fault happens. */
export function markFault(): void {
  const path = process.env[variable];
  if (path === undefined) throw new Error(`expected the path of a file in ${variable}, found none`);
  appendFileSync(path, 'x');
}

export function isMarked(path: string): boolean {
  return existsSync(path);
}
