import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { RunError, UsageError } from '../errors.js';

/** Who holds a lock: a pid alone may by now be another process. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the kernel's words; null where it does not say. */
  readonly born: string | null;
}

/**
 * A file beside `path` that says which process writes to it. One that is left of a dead process is taken over: under a second
 * file that only one process can make, so that two of them do not both.
 * @returns what gives the lock back
 * @throws UsageError when another process holds it; RunError when it cannot be written.
 */
export function lock(path: string): () => void {
  const file = `${path}.lock`;
  const mine = `${file}.${process.pid}`;
  const takeover = `${file}.takeover`;
  const me = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    born: bornAt(process.pid),
  } satisfies Holder);
  try {
    writeFileSync(mine, me);
  } catch (cause) {
    throw new RunError(`cannot write "${mine}": ${(cause as Error).message}`, { cause });
  }
  try {
    if (made(() => linkSync(mine, file))) return () => release(file, me);
    refuseHeld(file);
    if (!made(() => writeFileSync(takeover, me, { flag: 'wx' })))
      throw new UsageError(
        `"${takeover}": another process is just about to write to "${path}"; when there is none, delete this file`,
      );
    try {
      refuseHeld(file); // somebody may have taken it over by now
      renameSync(mine, file);
    } finally {
      rmSync(takeover, { force: true });
    }
    return () => release(file, me);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @throws UsageError when its process lives, or may. */
function refuseHeld(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return; // given back in between
  }
  const holder = holderOf(text);
  if (holder === null)
    throw new UsageError(
      `"${file}": expected a lock of forkwise, and it is none; move it away or choose another --out`,
    );
  if (holder.host !== hostname())
    throw new UsageError(
      `"${file}": process ${holder.pid} on the machine "${holder.host}" writes there, or did when it ended; when it has ended, delete this file`,
    );
  if (isAlive(holder))
    throw new UsageError(
      `"${file}": process ${holder.pid} writes there; wait for it, or choose another --out`,
    );
}

function holderOf(text: string): Holder | null {
  try {
    const { pid, host, born } = JSON.parse(text) as Holder;
    return Number.isSafeInteger(pid) && typeof host === 'string' ? { pid, host, born } : null;
  } catch {
    return null;
  }
}

/** A container's processes have the same few pids each time it starts. */
function isAlive({ pid, born }: Holder): boolean {
  if (pid === process.pid) return born !== null && born === bornAt(pid);
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (hasEnded(pid)) return false;
  const now = bornAt(pid);
  return now === null || born === null || now === born;
}

/** Boot and the clock tick in it, by `/proc` (proc_pid_stat(5), field 22). */
function bornAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${ticks}`;
  } catch {
    return null;
  }
}

function release(file: string, me: string): void {
  try {
    if (existsSync(file) && readFileSync(file, 'utf8') === me) rmSync(file);
  } catch {
    // A lock that is left names a process that will have ended.
  }
}

/** Whether it could be made: false when it is there already. */
function made(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new RunError(`cannot make the lock: ${(cause as Error).message}`, { cause });
  }
}

/** Killed, and its parent has not asked how it ended: in a container, where process 1 never asks, it stays so. */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false; // where there is no /proc, or the process is gone by now
  }
}
