import { readdirSync, readFileSync } from 'node:fs';

/** Access to Linux's `/proc`. It is an object, so that other platforms and tests can use one of their own. */
export interface Files {
  /** Returns the text of a file; null if it does not exist or cannot be read. */
  read(path: string): string | null;
  /** Returns the names in a folder; none if the folder does not exist. */
  list(path: string): string[];
}

export const files: Files = {
  read(path) {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return null;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

/** The CPU times in `/proc/PID/stat`, counted in clock ticks. */
export interface ProcessStat {
  readonly userTicks: number;
  readonly systemTicks: number;
  /** User time of all descendants that have ended and whose parent has waited for them. */
  readonly endedUserTicks: number;
  /** System time of those same descendants, which have ended. */
  readonly endedSystemTicks: number;
}

/**
 * Clock ticks per second: 100 on every Linux that Node runs on (USER_HZ is part of the kernel's interface).
 */
export const ticksPerSecond = 100;

/** Null if the process has ended, or if the system has no `/proc`. */
export function processStat({ read }: Files, pid: number | 'self'): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The process name in brackets can contain anything, even brackets and spaces. So the fields are counted
  // from the last closing bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    userTicks: field(14),
    systemTicks: field(15),
    endedUserTicks: field(16),
    endedSystemTicks: field(17),
  };
}

/**
 * Lists the process and all its descendants. A child that a worker thread forked is listed under that thread
 * only, so all threads are asked.
 */
export function processTree({ read, list }: Files, root: number): number[] {
  const children = list(`/proc/${root}/task`).flatMap((tid) =>
    (read(`/proc/${root}/task/${tid}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  );
  return [root, ...children.flatMap((child) => processTree({ read, list }, child))];
}

/**
 * Returns the memory of a set of processes, bytes. A page that several of them share is counted once. Null if
 * the kernel does not report it.
 */
export function treeMemory({ read }: Files, pids: readonly number[]): number | null {
  let own = 0;
  let largestFile = 0;
  let found = false;
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const status = read(`/proc/${pid}/status`);
    if (rollup === null || status === null) continue; // the process has just ended
    const anonymous = kilobytes(rollup, 'Pss_Anon');
    const shared = kilobytes(rollup, 'Pss_Shmem');
    const file = kilobytes(status, 'RssFile');
    if (anonymous === null || shared === null || file === null) return null;
    found = true;
    own += anonymous + shared;
    // All processes run the same node binary, so it is counted once. Plain PSS would also divide these pages
    // with the runner, which is not part of the tree.
    largestFile = Math.max(largestFile, file);
  }
  return found ? 1024 * (own + largestFile) : null;
}

/** Counts the threads of a process. Null if the process has ended, or if the system has no `/proc`. */
export function threadCount({ read }: Files, pid: number): number | null {
  const count = /^Threads:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return count === undefined ? null : Number(count);
}

/**
 * Returns how long the threads of a process have waited for a core since they started, milliseconds. Threads
 * that have ended are not included.
 */
export function runQueueDelayMs({ read, list }: Files, pid: number): number | null {
  const tids = list(`/proc/${pid}/task`);
  if (tids.length === 0) return null;
  const delays = tids.map((tid) => read(`/proc/${pid}/task/${tid}/schedstat`)?.split(' ')[1]);
  return delays.every((delay) => delay === undefined)
    ? null
    : delays.reduce((sum, delay) => sum + Number(delay ?? 0) / 1e6, 0);
}

function kilobytes(text: string, name: string): number | null {
  const value = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}
