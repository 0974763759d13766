import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';

/** How many cores this process can really use, and the figures that limit it. */
export interface Cores {
  /** The host has this many logical CPUs. */
  readonly host: number;
  /** CPUs the scheduler may put this process on (`os.availableParallelism`). */
  readonly available: number;
  /**
   * CPU quota ÷ period, which is the lowest over the process's cgroup and its ancestors; null without a
   * quota.
   */
  readonly quota: number | null;
  /** The minimum of these. It is a float, because a quota of 1.5 CPUs is neither one nor two. */
  readonly effective: number;
}

export interface System {
  readonly host: number;
  readonly available: number;
  /** Text of a file, null when there is none. */
  read(path: string): string | null;
}

/** Node 20 never sees a CPU quota and later ones truncate it, so the cgroup's files are read here. */
export function effectiveCores(system: System = thisSystem()): Cores {
  const { host, available } = system;
  const quota = cpuQuota(system.read);
  return { host, available, quota, effective: Math.min(available, quota ?? available) };
}

function thisSystem(): System {
  return { host: cpus().length, available: availableParallelism(), read };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/**
 * Returns the lowest quota, in CPUs, over this process's cgroup and its ancestors, in hierarchies of version
 * 1 and 2.
 */
function cpuQuota(read: System['read']): number | null {
  const quotas = cpuFolders(read).flatMap(({ version, folder }) =>
    version === 2
      ? quotaV2(read(join(folder, 'cpu.max')))
      : quotaV1(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us'))),
  );
  return quotas.length === 0 ? null : Math.min(...quotas);
}

interface CpuFolder {
  readonly version: 1 | 2;
  readonly folder: string;
}

/** Folders of this process's cgroup and its ancestors that may limit CPU time. */
function cpuFolders(read: System['read']): CpuFolder[] {
  const folders: CpuFolder[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const version = id === '0' ? 2 : 1;
    if (version === 1 && !controllers?.split(',').includes('cpu')) continue;
    const mounts =
      version === 2
        ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
        : ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];
    for (const mount of mounts)
      folders.push(...ancestors(path).map((p) => ({ version, folder: join(mount, p) }) as const));
  }
  return folders;
}

/** Periods of a CPU quota since the cgroup was made. */
export interface QuotaPeriods {
  readonly all: number;
  /** In these the processes had used up their share, and were stopped. */
  readonly throttled: number;
}

/** Returns a function that reads the periods of a CPU quota; null where the system counts none. */
export function quotaPeriods(system: Pick<System, 'read'> = { read }): (() => QuotaPeriods) | null {
  const files = cpuFolders(system.read)
    .map(({ folder }) => join(folder, 'cpu.stat'))
    .filter((file) => periodsOf(system.read(file)) !== null);
  if (files.length === 0) return null;
  return () =>
    files
      .map((file) => periodsOf(system.read(file)) ?? { all: 0, throttled: 0 })
      .reduce((a, b) => (b.throttled > a.throttled ? b : a));
}

function periodsOf(text: string | null): QuotaPeriods | null {
  const [, all] = /^nr_periods (\d+)$/m.exec(text ?? '') ?? [];
  const [, throttled] = /^nr_throttled (\d+)$/m.exec(text ?? '') ?? [];
  return all === undefined ? null : { all: Number(all), throttled: Number(throttled ?? 0) };
}

/** `/a/b` → `/a/b`, `/a`, `/` */
function ancestors(path: string): string[] {
  return path === '/' || path === '.' ? ['/'] : [path, ...ancestors(dirname(path))];
}

/** `cpu.max` reads `max 100000` or `150000 100000`. */
function quotaV2(text: string | null): number[] {
  const [quota, period] = (text ?? '').trim().split(' ').map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? [quota / period] : [];
}

/** `cpu.cfs_quota_us` reads -1 without a quota. */
function quotaV1(quotaText: string | null, periodText: string | null): number[] {
  const quota = Number(quotaText ?? -1);
  const period = Number(periodText ?? 0);
  return quota > 0 && period > 0 ? [quota / period] : [];
}
