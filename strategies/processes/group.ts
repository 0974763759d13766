/**
 * Options of `fork` that make a worker process the leader of a process group of its own. Ctrl-C in a terminal
 * then reaches neither the worker nor what its task has started, and all of these can be ended together.
 * Windows has no such groups.
 */
export const ownGroup = { detached: process.platform !== 'win32' } as const;

/**
 * Kills what is left of the group of a worker process: the worker itself, and processes that its task has
 * started.
 */
export function killGroup(pid: number): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // No process of the group is left.
  }
}
