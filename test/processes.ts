import { readdirSync, readFileSync } from 'node:fs';

/** These functions look at processes through Linux's `/proc`. On other systems they see none. */

export function descendants(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const children = tasks.flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
    return [...children, ...children.flatMap(descendants)];
  } catch {
    return [];
  }
}

export function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** Tells whether the process runs a worker module of a strategy. */
export function isWorker(pid: number): boolean {
  return /strategies\/.*worker/.test(commandOf(pid));
}

/** Resolves when the condition holds. The test's own time limit ends a wait that would last forever. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
