import { appendFileSync, existsSync } from 'node:fs';

/**
 * The proof that a fault happened is a file, because the process in which it happens may not live to tell. Its path is
 * in the environment, which threads and child processes inherit.
 */
const variable = 'FORKWISE_FAULT_MARK';

/** Must be called before the strategy is opened. */
export function markIn(path: string): void {
  process.env[variable] = path;
}

/** The fault happens now. */
export function markFault(): void {
  const path = process.env[variable];
  if (path === undefined) throw new Error(`expected the path of a file in ${variable}, found none`);
  appendFileSync(path, 'x');
}

export function isMarked(path: string): boolean {
  return existsSync(path);
}
