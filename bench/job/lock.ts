import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { RunError, UsageError } from '../errors.js';

/**
 * The process that holds a lock. Its pid alone does not identify it: another process may have that pid by
 * now.
 */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** The kernel reports this start of the process; null on systems that do not report it. */
  readonly born: string | null;
}

/**
 * Creates a file beside `path` that says which process writes to it. The lock of a dead process is taken
 * over. Two processes may try that at once, so a second file, which only one of them can create, decides
 * between them.
 * @returns a function that gives the lock back
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
    writeFileSync(mine, me); // a full disk leaves an empty file
    if (tryCreate(() => linkSync(mine, file))) return () => release(file, me);
    refuseHeld(file);
    if (!tryCreate(() => linkSync(mine, takeover)))
      throw new UsageError(
        `"${takeover}": another process is about to write to "${path}"; if there is none, delete this file`,
      );
    try {
      refuseHeld(file); // another process may have taken it over in the meantime
      renameSync(mine, file);
    } finally {
      rmSync(takeover, { force: true });
    }
    return () => release(file, me);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new RunError(`cannot write "${path}": its lock cannot be created (${reasonOf(cause)})`, { cause });
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Returns Node's message without the file of the lock, which the user has not named. */
function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  return message.split(', ')[0] as string;
}

/** @throws UsageError when the lock's process is alive, or may be. */
function refuseHeld(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return; // it was given back in the meantime
  }
  const holder = holderOf(text);
  if (holder === null)
    throw new UsageError(
      `"${file}": expected a lock file of forkwise, got another file; ` +
        'move it away, or write the results to another place',
    );
  if (holder.host !== hostname())
    throw new UsageError(
      `"${file}": process ${holder.pid} on the machine "${holder.host}" has the lock; ` +
        'if that process has ended, delete this file',
    );
  if (isAlive(holder))
    throw new UsageError(
      `"${file}": process ${holder.pid} writes there; wait for it, or write to another place`,
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

/** Compares start times too: the processes of a container have the same few pids each time it starts. */
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

/** The boot's id and the clock tick of the start within it, from `/proc` (proc_pid_stat(5), field 22). */
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
    // A lock that stays behind names a process that has ended, so the next job takes it over.
  }
}

/** Returns true when `make` created its file, false when the file already exists. */
function tryCreate(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

/**
 * Returns true for a zombie. A process stays one in a container whose process 1 never waits for its children.
 */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false; // there is no /proc, or the process no longer exists
  }
}
