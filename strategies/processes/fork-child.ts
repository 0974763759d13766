import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout } from 'node:timers';
import { WorkerEnded } from '../session/task-error.js';
import { allocator } from './allocator.js';
import { inheritedFlags } from './exec-argv.js';
import { killGroup, ownGroup } from './group.js';
import { isHeapFlag } from './limits.js';
import { processEnd } from './process-end.js';
import { taskOutput } from './task-output.js';

/** The operating system's side of a worker process: how it is started, and when it has ended. */

export interface ForkOptions {
  /** The child runs this module. */
  readonly entry: URL;
  /** The heap of the process may grow to this size, MB. */
  readonly heapMb: number;
  /** The child gets this descriptor as its descriptor 4. Null: it gets none. */
  readonly fd: number | null;
  /** True where threads of the child have limits of their own, which a flag of its process would override. */
  readonly limitsThreads?: true;
  /** Variables of the child's environment, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** @param start the child gets this as its only argument, as JSON */
export function forkChild(start: object, { entry, heapMb, fd, limitsThreads, env }: ForkOptions) {
  return fork(entry, [JSON.stringify(start)], {
    env: { ...allocator, ...process.env, ...env, ...(limitsThreads && withoutHeapFlag(process.env)) },
    execArgv: limitsThreads
      ? inheritedFlags().filter((flag) => !isHeapFlag(flag))
      : [...inheritedFlags(), `--max-old-space-size=${heapMb}`],
    serialization: 'advanced', // JSON would turn bytes into an object of numbers
    ...ownGroup,
    stdio: ['ignore', taskOutput(), 'inherit', 'ipc', ...(fd === null ? [] : [fd])],
  });
}

/** Returns the variable with flags for Node, without the one that limits the heap. */
function withoutHeapFlag({ NODE_OPTIONS = '' }: NodeJS.ProcessEnv): { readonly NODE_OPTIONS?: string } {
  const flags = NODE_OPTIONS.split(/\s+/);
  return flags.some(isHeapFlag) ? { NODE_OPTIONS: flags.filter((flag) => !isHeapFlag(flag)).join(' ') } : {};
}

/**
 * A channel may stay open this long after its process has exited, ms: a process that the task has started,
 * and that has left the worker's process group, may hold it, too.
 */
const channelGraceMs = 1000;

/**
 * Resolves with how the process ended, once its channel is read to the end. A process whose channel is cut is
 * killed.
 */
export function endOf(child: ChildProcess, leaving: () => boolean): Promise<WorkerEnded> {
  return new Promise((resolve) => {
    let death: WorkerEnded | null = null;
    child.on('disconnect', () => {
      if (death !== null) resolve(death);
      else if (!leaving()) child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      killGroup(child.pid as number); // processes that the task has started
      death = processEnd(code, signal);
      if (!child.connected) return resolve(death);
      setTimeout(() => child.connected && child.disconnect(), channelGraceMs).unref();
    });
    child.on('error', (cause) => {
      if (child.pid === undefined)
        resolve(new WorkerEnded(`worker process could not be started: ${cause.message}`));
    });
  });
}
