import type { Engine, Member, Session } from '../../strategies/strategy.js';
import { engineReport, processReport } from '../../strategies/worker/usage-report.js';
import { mainWorker } from '../../strategies/worker/worker-id.js';
import { type Files, files, processStat, ticksPerSecond } from './proc.js';

/** Exact counters of the measured process tree, summed over all windows. Times are in milliseconds. */
export type Counters = TreeUsage & {
  /** Share of the time in which the main thread's event loop was busy, 0 to 1. */
  readonly loopMain: number;
};

/**
 * The use of the whole process tree. All of it is unknown if the session could not ask all of its workers.
 */
type TreeUsage =
  | {
      /**
       * `self-report`: every process reported its own time.
       * `self-report+cutime`: children ended in a window; the kernel's sum over ended children counts them.
       * `incomplete`: children ended, and nothing counts them.
       */
      readonly cpuSource: 'self-report' | 'self-report+cutime' | 'incomplete';
      readonly cpuUserMs: number;
      readonly cpuSystemMs: number;
      readonly switchesVoluntary: number;
      readonly switchesInvoluntary: number;
      /** Mean busy share over the workers' event loops; null if no worker has an event loop of its own. */
      readonly loopWorkers: number | null;
      /** Time that all engines spent in garbage collection. */
      readonly gcMs: number;
    }
  | {
      readonly cpuSource: 'partial';
      readonly cpuUserMs: null;
      readonly cpuSystemMs: null;
      readonly switchesVoluntary: null;
      readonly switchesInvoluntary: null;
      readonly loopWorkers: null;
      readonly gcMs: null;
    };

/** The values of all counters when a window opens or closes. */
interface Edge {
  readonly own: Member;
  readonly main: Engine;
  readonly others: readonly Member[];
  readonly engines: readonly Engine[];
  /** CPU time of the children that have ended. Null if the system keeps no such sum. */
  readonly ended: CpuMs | null;
}

interface CpuMs {
  readonly userMs: number;
  readonly systemMs: number;
}

/**
 * Counts what the process tree uses between `open` and `close`. Both may be called again for more windows.
 *
 * `open` reads this process's own counters last and `close` reads them first, so asking the session's members
 * adds almost nothing to the window. This process's report includes the main thread, its worker threads and
 * libuv's threads, and each child process reports itself. The kernel's sum over ended children contains the
 * whole life of a child that ended inside the window, so the use before the window is subtracted.
 */
export class TreeCounters {
  readonly #session: Session;
  readonly #files: Files;
  #opened: Edge | null = null;
  #userMs = 0;
  #systemMs = 0;
  #childrenEnded = false;
  #complete = true;
  #partial = false;
  #switchesVoluntary = 0;
  #switchesInvoluntary = 0;
  #gcMs = 0;
  readonly #main = { active: 0, total: 0 };
  readonly #workers = { active: 0, total: 0 };

  constructor(session: Session, from: Files = files) {
    this.#session = session;
    this.#files = from;
  }

  async open(): Promise<void> {
    const { processes, engines, partial = false } = await this.#session.members();
    this.#partial ||= partial;
    this.#opened = {
      others: processes,
      engines,
      ended: this.#endedChildren(),
      main: engineReport(mainWorker),
      own: processReport(),
    };
  }

  async close(): Promise<void> {
    const own = processReport();
    const loop = engineReport(mainWorker);
    const { processes: others, engines, partial = false } = await this.#session.members();
    this.#partial ||= partial;
    // Node reports the garbage collections of a window one event loop turn later, so they are read again.
    const main = { ...loop, gcMs: engineReport(mainWorker).gcMs };
    const opened = this.#opened;
    if (opened === null) throw new Error('close() was called without open()');
    for (const member of [own, ...others])
      this.#addProcess(
        member,
        [opened.own, ...opened.others].find(({ pid }) => pid === member.pid),
      );
    this.#addEnded(opened, { others, ended: this.#endedChildren() });
    this.#addEngine(main, opened.main, this.#main);
    for (const engine of engines)
      this.#addEngine(
        engine,
        opened.engines.find(({ worker }) => worker === engine.worker),
        this.#workers,
      );
  }

  get total(): Counters {
    const loopMain = share(this.#main) ?? 0;
    if (this.#partial)
      return {
        cpuSource: 'partial',
        cpuUserMs: null,
        cpuSystemMs: null,
        switchesVoluntary: null,
        switchesInvoluntary: null,
        loopMain,
        loopWorkers: null,
        gcMs: null,
      };
    return {
      cpuSource: !this.#complete ? 'incomplete' : this.#childrenEnded ? 'self-report+cutime' : 'self-report',
      cpuUserMs: this.#userMs,
      cpuSystemMs: this.#systemMs,
      switchesVoluntary: this.#switchesVoluntary,
      switchesInvoluntary: this.#switchesInvoluntary,
      loopMain,
      loopWorkers: share(this.#workers),
      gcMs: this.#gcMs,
    };
  }

  /** A process that was absent when the window opened started inside it, so all of its use counts. */
  #addProcess(now: Member, before: Member | undefined): void {
    this.#userMs += (now.cpuUserUs - (before?.cpuUserUs ?? 0)) / 1e3;
    this.#systemMs += (now.cpuSystemUs - (before?.cpuSystemUs ?? 0)) / 1e3;
    this.#switchesVoluntary += now.switchesVoluntary - (before?.switchesVoluntary ?? 0);
    this.#switchesInvoluntary += now.switchesInvoluntary - (before?.switchesInvoluntary ?? 0);
  }

  #addEnded(opened: Edge, closed: Pick<Edge, 'others' | 'ended'>): void {
    const gone = opened.others.filter(({ pid }) => !closed.others.some((member) => member.pid === pid));
    if (opened.ended === null || closed.ended === null) {
      this.#complete &&= gone.length === 0;
      return;
    }
    const endedUserMs = closed.ended.userMs - opened.ended.userMs;
    const endedSystemMs = closed.ended.systemMs - opened.ended.systemMs;
    const userMs = endedUserMs - gone.reduce((sum, { cpuUserUs }) => sum + cpuUserUs / 1e3, 0);
    const systemMs = endedSystemMs - gone.reduce((sum, { cpuSystemUs }) => sum + cpuSystemUs / 1e3, 0);
    // The kernel counts in ticks of 10 ms, so one of the two can be below 0. Their sum is kept.
    const totalMs = Math.max(0, userMs + systemMs);
    const keptSystemMs = Math.min(Math.max(0, systemMs), totalMs);
    this.#systemMs += keptSystemMs;
    this.#userMs += totalMs - keptSystemMs;
    this.#childrenEnded ||= gone.length > 0 || endedUserMs + endedSystemMs > 0;
  }

  #addEngine(now: Engine, before: Engine | undefined, loop: { active: number; total: number }): void {
    const active = now.loopActiveMs - (before?.loopActiveMs ?? 0);
    loop.active += active;
    loop.total += active + now.loopIdleMs - (before?.loopIdleMs ?? 0);
    this.#gcMs += now.gcMs - (before?.gcMs ?? 0);
  }

  #endedChildren(): CpuMs | null {
    const stat = processStat(this.#files, 'self');
    if (stat === null) return null;
    const ms = (ticks: number) => (ticks * 1000) / ticksPerSecond;
    return { userMs: ms(stat.endedUserTicks), systemMs: ms(stat.endedSystemTicks) };
  }
}

function share({ active, total }: { active: number; total: number }): number | null {
  return total > 0 ? active / total : null;
}
