import { readFileSync } from 'node:fs';
import { residentBytes } from './watch.js';

/** The process and its children use this. */
export interface TreeUsage {
  /** Resident memory; pages that processes share are counted in each. */
  readonly memoryBytes: number;
  /** CPU time since the processes started, ms. Children that have ended are included. */
  readonly cpuMs: number;
  /** Likewise, of this process alone. */
  readonly ownCpuMs: number;
}

/** Linux counts CPU time of processes in these, in all architectures that Node runs on. */
const tickMs = 10;

/** Reads what the process and its children use now; of children only on Linux. */
export function treeUsage(): TreeUsage {
  const { user, system } = process.cpuUsage();
  const ownCpuMs = (user + system) / 1e3;
  let memoryBytes = process.memoryUsage.rss();
  let cpuMs = ownCpuMs + endedCpuMs();
  for (const pid of childrenOf(process.pid)) {
    memoryBytes += residentBytes(pid) ?? 0;
    cpuMs += cpuMsOf(pid);
  }
  return { memoryBytes, cpuMs, ownCpuMs };
}

/** Time in which the main thread was ready to run and other threads had the cores, ms; 0 where unknown. */
export function threadDelayMs(): number {
  const [, nanoseconds = 0] = read('/proc/self/schedstat').split(' ');
  return Number(nanoseconds) / 1e6;
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function cpuMsOf(pid: number): number {
  const { own, ended } = cpuTicks(pid);
  return tickMs * (own + ended);
}

function endedCpuMs(): number {
  return tickMs * cpuTicks(process.pid).ended;
}

/** Reads utime + stime and cutime + cstime, which follow the name in brackets. */
function cpuTicks(pid: number): { readonly own: number; readonly ended: number } {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (i: number) => Number(fields[i] ?? 0);
  return { own: at(11) + at(12), ended: at(13) + at(14) };
}

/** Returns the empty string where there is no such file. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
