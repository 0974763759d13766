import { readFileSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';
import { WorkerEnded } from '../session/task-error.js';
import { limitReached, type MemoryLimit } from './limits.js';

/** Watches processes from outside. This works on Linux; on other systems it sees nothing. */

const intervalMs = 100;

/** Looks ten times a second at each process that was added, until it finds a reason to end it. */
abstract class ProcessWatch {
  readonly #processes = new Map<number, () => void>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), intervalMs);
    this.#timer.unref();
  }

  /** @param end is called once */
  add(pid: number, end: () => void): void {
    this.#processes.set(pid, end);
  }

  remove(pid: number): void {
    this.#processes.delete(pid);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  protected abstract mustEnd(pid: number): boolean;

  #look(): void {
    for (const [pid, end] of this.#processes) {
      if (!this.mustEnd(pid)) continue;
      this.#processes.delete(pid);
      end();
    }
  }
}

/**
 * V8 ends a process by this signal when its heap is full. Tasks may end theirs by the same signal, so the
 * process must have been this close to the limit, too.
 */
const heapFull = { signal: 'SIGABRT', share: 0.9 } as const;

/** A process is near its limit above this share of it. */
const nearShare = 0.8;
/** It must have grown by this share since it loaded its task: see `worker/near-limit.ts`. */
const grownShare = 0.25;

/** Ends processes that have grown too large: buffers are outside the heap, and no limit of V8 counts them. */
export class MemoryWatch extends ProcessWatch {
  readonly #limits: { readonly memory: MemoryLimit; readonly heap: MemoryLimit };
  /** Size of each process when it was last seen, bytes. */
  readonly #bytes = new Map<number, number>();
  /** Each process that has loaded its task, with its size then, until it is near its limit. */
  readonly #loaded = new Map<number, { readonly bytes: number; readonly near: () => void }>();

  constructor(limits: { readonly memory: MemoryLimit; readonly heap: MemoryLimit }) {
    super();
    this.#limits = limits;
  }

  override remove(pid: number): void {
    super.remove(pid);
    this.#bytes.delete(pid);
    this.#loaded.delete(pid);
  }

  /** The process has loaded its task. @param near is called once, when it is near the limit of its memory */
  loaded(pid: number, near: () => void): void {
    const bytes = residentBytes(pid);
    if (bytes !== null) this.#loaded.set(pid, { bytes, near });
  }

  /** Says which limit the process had reached that has ended in this way, if any. Call it before `remove`. */
  explain(pid: number, ended: WorkerEnded): WorkerEnded {
    const { memory, heap } = this.#limits;
    const mb = (this.#bytes.get(pid) ?? 0) / 2 ** 20;
    const full = { ...ended.end, outOfMemory: true as const };
    if (mb > memory.mb) return new WorkerEnded(limitReached('memory', memory), full);
    const aborted = ended.end.signal === heapFull.signal && mb >= heapFull.share * heap.mb;
    return aborted ? new WorkerEnded(limitReached('heap', heap), full) : ended;
  }

  protected mustEnd(pid: number): boolean {
    const bytes = residentBytes(pid);
    if (bytes === null) return false;
    this.#bytes.set(pid, bytes);
    const limitBytes = this.#limits.memory.mb * 2 ** 20;
    const loaded = this.#loaded.get(pid);
    if (
      loaded !== undefined &&
      bytes >= nearShare * limitBytes &&
      bytes - loaded.bytes >= grownShare * limitBytes
    ) {
      this.#loaded.delete(pid);
      loaded.near();
    }
    return bytes > limitBytes;
  }
}

/** The memory that a process has now, bytes; null where the system does not say. */
export function residentBytes(pid: number): number | null {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/**
 * Ends processes that have been stopped (SIGSTOP) for half of the time limit. A polite signal would wait
 * until they are continued, and their documents can run elsewhere.
 */
export class StopWatch extends ProcessWatch {
  readonly #maxLooks: number;
  readonly #looks = new Map<number, number>();

  constructor(timeoutMs: number) {
    super();
    this.#maxLooks = Math.ceil(timeoutMs / 2 / intervalMs);
  }

  protected mustEnd(pid: number): boolean {
    const stopped = /^State:\s+T/m.test(read(`/proc/${pid}/status`));
    const looks = stopped ? (this.#looks.get(pid) ?? 0) + 1 : 0;
    this.#looks.set(pid, looks);
    return looks > this.#maxLooks;
  }
}

/** Returns the empty string where the system has no such file, or the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
