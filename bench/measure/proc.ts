import { readdirSync, readFileSync } from 'node:fs';

/** Linux's `/proc`, read through an object so that other platforms and tests can bring their own. */
export interface Files {
  /** Text of a file, null when there is none or it cannot be read. */
  read(path: string): string | null;
  /** Names in a folder; none when there is no such folder. */
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

/** What `/proc/PID/stat` says, times in clock ticks. Null for a process that has ended, and where there is no `/proc`. */
export interface ProcessStat {
  readonly userTicks: number;
  readonly systemTicks: number;
  /** User time of all descendants that ended and were waited for. */
  readonly endedUserTicks: number;
  /** System time of the same descendants. */
  readonly endedSystemTicks: number;
}

/** Ticks a second: 100 on every Linux that Node runs on (USER_HZ is part of the kernel's interface). */
export const ticksPerSecond = 100;

export function processStat({ read }: Files, pid: number | 'self'): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name in brackets may hold anything, brackets and spaces too; the fields after it are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    userTicks: field(14),
    systemTicks: field(15),
    endedUserTicks: field(16),
    endedSystemTicks: field(17),
  };
}

/** The process and all its descendants. A child forked by a worker thread is listed under that thread alone. */
export function processTree({ read, list }: Files, root: number): number[] {
  const children = list(`/proc/${root}/task`).flatMap((tid) =>
    (read(`/proc/${root}/task/${tid}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  );
  return [root, ...children.flatMap((child) => processTree({ read, list }, child))];
}

/** Bytes of memory of a set of processes, pages that several of them share counted once. Null where the kernel does not say. */
export function treeMemory({ read }: Files, pids: readonly number[]): number | null {
  let own = 0;
  let largestFile = 0;
  let found = false;
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const status = read(`/proc/${pid}/status`);
    if (rollup === null || status === null) continue; // has just ended
    const anonymous = kilobytes(rollup, 'Pss_Anon');
    const shared = kilobytes(rollup, 'Pss_Shmem');
    const file = kilobytes(status, 'RssFile');
    if (anonymous === null || shared === null || file === null) return null;
    found = true;
    own += anonymous + shared;
    // All run the same node binary. Plain PSS would also be divided with the runner, which is no part of the tree.
    largestFile = Math.max(largestFile, file);
  }
  return found ? 1024 * (own + largestFile) : null;
}

/** Null for a process that has ended, and where there is no `/proc`. */
export function threadCount({ read }: Files, pid: number): number | null {
  const count = /^Threads:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return count === undefined ? null : Number(count);
}

/** Milliseconds that the threads of a process have waited for a core since they began; ended threads are not in it. */
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
