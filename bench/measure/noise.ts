import { type Files, processStat, processTree, runQueueDelayMs, ticksPerSecond } from './proc.js';

/**
 * Activity on the machine that can disturb a trial while it is measured. Null means that the host does not
 * offer the figure, which is not the same as no disturbance. All figures are read from outside the process
 * tree, at the window's begin and end. Reading never changes anything on the host.
 */
export interface Noise {
  /** Share of the machine's time that the hypervisor gave to other machines, percent. */
  readonly stealPercent: number | null;
  /** Share of the machine's time that processes outside the tree and the suite used, percent. */
  readonly othersPercent: number | null;
  /** Time in which at least one runnable thread of the machine waited for a core (PSI), milliseconds. */
  readonly pressureMs: number | null;
  /**
   * Time that the tree's live threads waited for a core, milliseconds. Having more threads than cores is
   * enough to cause it.
   */
  readonly runDelayMs: number | null;
  /** Time in which the CPU quota stopped the tree, milliseconds. */
  readonly throttledMs: number | null;
  /** Pages that the machine swapped in and out. */
  readonly swapPages: number | null;
  /**
   * CPU time of the tree by the kernel's ticks, which checks the counts that the processes report themselves.
   */
  readonly treeCpuMs: number | null;
  readonly windowMs: number;
}

/** Counters since boot, as they are at one moment. */
interface Moment {
  readonly atMs: number;
  readonly machine: { readonly busy: number; readonly total: number; readonly steal: number } | null;
  readonly treeTicks: number | null;
  readonly suiteTicks: number | null;
  readonly pressureUs: number | null;
  readonly runDelayMs: number | null;
  readonly throttledUs: number | null;
  readonly swapPages: number | null;
}

export interface NoiseOptions {
  readonly files: Files;
  /** Process id of the root of the measured tree. */
  readonly root: number;
  /** Process ids of the runner and its services. They belong neither to the tree nor to "others". */
  readonly suite: readonly number[];
}

/** Starts watching. Call the returned function to get what has happened since. */
export function watchNoise(options: NoiseOptions): () => Noise {
  const before = moment(options);
  return () => difference(before, moment(options));
}

/**
 * Decides whether a trial is void, which means that an external cause disturbed it. The trial's own figures
 * play no part in this.
 * @returns the cause; null if the trial counts
 */
export function voidReason({ stealPercent, othersPercent, swapPages, windowMs }: Noise): string | null {
  if (stealPercent !== null && stealPercent > maxPercent)
    return `the hypervisor took ${stealPercent.toFixed(1)} % of the machine's time (steal)`;
  // The kernel counts in ticks, and each core's count can be off by one: in a window of 150 ms that is 7 %.
  const tickPercent = (100 * tickMs) / Math.max(1, windowMs);
  if (othersPercent !== null && othersPercent > maxPercent + tickPercent)
    return `other processes took ${othersPercent.toFixed(1)} % of the machine's time`;
  return swapPages !== null && swapPages > 0 ? `the machine swapped ${swapPages} pages` : null;
}

/** The hypervisor and other processes may each use this share of the machine's time, percent. */
const maxPercent = 5;

function moment({ files, root, suite }: NoiseOptions): Moment {
  const tree = processTree(files, root);
  return {
    atMs: performance.now(),
    machine: machineTicks(files),
    treeTicks: ticksOf(files, tree),
    suiteTicks: ticksOf(files, suite),
    pressureUs: numberIn(files.read('/proc/pressure/cpu'), /^some .*total=(\d+)/m),
    runDelayMs: sum(tree.map((pid) => runQueueDelayMs(files, pid))),
    throttledUs: throttledUs(files, root),
    swapPages: sum(
      [/^pswpin (\d+)/m, /^pswpout (\d+)/m].map((pattern) => numberIn(files.read('/proc/vmstat'), pattern)),
    ),
  };
}

function difference(before: Moment, after: Moment): Noise {
  const delta = (
    key: 'treeTicks' | 'suiteTicks' | 'pressureUs' | 'runDelayMs' | 'throttledUs' | 'swapPages',
  ) => {
    const [a, b] = [before[key], after[key]];
    return a === null || b === null ? null : Math.max(0, b - a);
  };
  const [pressureUs, throttledUs, treeTicks, suiteTicks] = [
    delta('pressureUs'),
    delta('throttledUs'),
    delta('treeTicks'),
    delta('suiteTicks'),
  ];
  const machine = before.machine &&
    after.machine && {
      busy: after.machine.busy - before.machine.busy,
      total: after.machine.total - before.machine.total,
      steal: after.machine.steal - before.machine.steal,
    };
  const known = machine !== null && machine.total > 0;
  return {
    stealPercent: known ? (100 * machine.steal) / machine.total : null,
    othersPercent:
      known && treeTicks !== null && suiteTicks !== null
        ? Math.max(0, (100 * (machine.busy - treeTicks - suiteTicks)) / machine.total)
        : null,
    pressureMs: pressureUs === null ? null : pressureUs / 1e3,
    runDelayMs: delta('runDelayMs'),
    throttledMs: throttledUs === null ? null : throttledUs / 1e3,
    swapPages: delta('swapPages'),
    treeCpuMs: treeTicks === null ? null : treeTicks * tickMs,
    windowMs: after.atMs - before.atMs,
  };
}

/**
 * Reads the first line of `/proc/stat`: user nice system idle iowait irq softirq steal, ticks of all CPUs.
 */
function machineTicks({ read }: Files): Moment['machine'] {
  const line = /^cpu +(.+)$/m.exec(read('/proc/stat') ?? '')?.[1];
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy, steal, total: busy + idle + iowait + steal };
}

/** Adds up the CPU ticks of processes and of their children that have ended. */
function ticksOf(files: Files, pids: readonly number[]): number | null {
  const stats = pids.map((pid) => processStat(files, pid)).filter((stat) => stat !== null);
  if (stats.length === 0 && pids.length > 0) return null;
  return stats.reduce(
    (total, { userTicks, systemTicks, endedUserTicks, endedSystemTicks }) =>
      total + userTicks + systemTicks + endedUserTicks + endedSystemTicks,
    0,
  );
}

/**
 * Reads `cpu.stat` of the tree's cgroup, microseconds. The field is `throttled_usec` in version 2 of cgroups
 * and `throttled_time` (nanoseconds) in version 1.
 */
function throttledUs({ read }: Files, pid: number): number | null {
  for (const line of (read(`/proc/${pid}/cgroup`) ?? '').split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (id === '0') {
      for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
        const microseconds = numberIn(read(`${mount}${path}/cpu.stat`), /^throttled_usec (\d+)/m);
        if (microseconds !== null) return microseconds;
      }
    } else if (controllers?.split(',').includes('cpu')) {
      const nanoseconds = numberIn(
        read(`/sys/fs/cgroup/cpu${path}/cpu.stat`) ?? read(`/sys/fs/cgroup/cpu,cpuacct${path}/cpu.stat`),
        /^throttled_time (\d+)/m,
      );
      if (nanoseconds !== null) return nanoseconds / 1e3;
    }
  }
  return null;
}

function numberIn(text: string | null, pattern: RegExp): number | null {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

/** Adds up the known values. Null if no value is known. */
function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

const tickMs = 1000 / ticksPerSecond;
