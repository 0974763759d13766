import { readFileSync } from 'node:fs';

/** What is seen of processes from outside. On Linux; elsewhere nothing is. */

const intervalMs = 100;

/** Looks ten times a second at each process that was added, until it was found to be done for. */
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

  protected abstract isDone(pid: number): boolean;

  #look(): void {
    for (const [pid, end] of this.#processes) {
      if (!this.isDone(pid)) continue;
      this.#processes.delete(pid);
      end();
    }
  }
}

/** Ends processes that have grown too large: buffers are outside the heap, and no limit of V8 counts them. */
export class MemoryWatch extends ProcessWatch {
  readonly #limitBytes: number;

  constructor(limitMb: number) {
    super();
    this.#limitBytes = limitMb * 2 ** 20;
  }

  protected isDone(pid: number): boolean {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? [];
    return kilobytes !== undefined && Number(kilobytes) * 1024 > this.#limitBytes;
  }
}

/**
 * Ends processes that somebody has stopped for half of the time a task may take: a polite signal would wait for them to be
 * continued, and their documents can be run elsewhere.
 */
export class StopWatch extends ProcessWatch {
  readonly #mostLooks: number;
  readonly #looks = new Map<number, number>();

  constructor(timeoutMs: number) {
    super();
    this.#mostLooks = Math.ceil(timeoutMs / 2 / intervalMs);
  }

  protected isDone(pid: number): boolean {
    const stopped = /^State:\s+T/m.test(read(`/proc/${pid}/status`));
    const looks = stopped ? (this.#looks.get(pid) ?? 0) + 1 : 0;
    this.#looks.set(pid, looks);
    return looks > this.#mostLooks;
  }
}

/** Nothing where the system does not say, or the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
