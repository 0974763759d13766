import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers';
import { note } from './terminal.js';

/** The task has left something open if the process still lives after this time, ms. */
const lingerMs = 100;
/** A process that does not exit within this time, ms, is killed. */
const exitMs = 1000;

/**
 * Ends the process soon after a command has done its work, with `process.exitCode`, whatever the task has
 * left open. When nothing was left, the process ends by itself before.
 * @param isTask false where no task runs in this process, so that the task has left nothing open
 */
export function endSoon(isTask = true): void {
  setTimeout(() => {
    const open = isTask ? openResources() : null;
    if (open !== null) note(`the task left something open (${open}); its teardown should close it`);
    endNow();
  }, lingerMs).unref();
}

/**
 * `process.exit` waits for calls of the file system that do not return, such as a read of a pipe that has no
 * writer. A shell kills the process when it does.
 */
export function endNow(code = process.exitCode): never {
  if (process.platform !== 'win32') {
    const looks = exitMs / 50;
    const { pid } = process;
    const script = `for _ in $(seq ${looks}); do sleep 0.05; kill -0 ${pid} || exit; done; kill -KILL ${pid}`;
    spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' })
      .on('error', () => {}) // no /bin/sh: it exits by itself, or not
      .unref();
  }
  process.exit(code);
}

/**
 * `Timeout × 2, TCPServerWrap`, without streams and processes, which may be ours; null when there is nothing
 * else.
 */
function openResources(): string | null {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (/^(TTY|Pipe|Signal|Process)Wrap$/.test(name)) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const said = [...counts].map(([name, count]) => (count === 1 ? name : `${name} × ${count}`));
  return said.length === 0 ? null : said.join(', ');
}
