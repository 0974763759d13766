import type { Engine, Member, Session } from '../../strategies/strategy.js';
import { engineReport, processReport } from '../../strategies/worker/usage-report.js';
import { mainWorker } from '../../strategies/worker/worker-id.js';
import { type Files, files, processStat, ticksPerSecond } from './proc.js';

/** Exact cumulative counters of the measured tree, summed over windows. Times in milliseconds. */
export interface Counters {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** `self-report` of every process; `+cutime` where children ended in a window and the kernel's sum stands for them; `incomplete` where nothing does. */
  readonly cpuSource: 'self-report' | 'self-report+cutime' | 'incomplete';
  readonly switchesVoluntary: number;
  readonly switchesInvoluntary: number;
  /** Busy share of the main thread's event loop, 0 to 1. */
  readonly loopMain: number;
  /** Mean over the workers' event loops; null where there are none. */
  readonly loopWorkers: number | null;
  /** Garbage collection in all engines. */
  readonly gcMs: number;
}

/** Everything at one edge of a window. */
interface Edge {
  readonly own: Member;
  readonly main: Engine;
  readonly others: readonly Member[];
  readonly engines: readonly Engine[];
  readonly endedChildrenTicks: number | null;
}

/**
 * Counts between `open` and `close`, as often as they are called. The host's own counters are read last on opening and
 * first on closing, so that asking the members costs the window next to nothing. The main thread, its worker threads
 * and libuv's are all in the host's own report; each child process reports itself; a child that ended inside the
 * window is in the kernel's sum over ended children, with its whole life, so what it had used before is subtracted.
 */
export class TreeCounters {
  readonly #session: Session;
  readonly #files: Files;
  #opened: Edge | null = null;
  #cpuUserUs = 0;
  #cpuSystemUs = 0;
  #endedMs = 0;
  #childrenEnded = false;
  #complete = true;
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
    const { processes, engines } = await this.#session.members();
    this.#opened = {
      others: processes,
      engines,
      endedChildrenTicks: this.#endedChildren(),
      main: engineReport(mainWorker),
      own: processReport(),
    };
  }

  async close(): Promise<void> {
    const own = processReport();
    const loop = engineReport(mainWorker);
    const { processes: others, engines } = await this.#session.members();
    // Read after a turn of the loop, by when the window's collections have been told.
    const main = { ...loop, gcMs: engineReport(mainWorker).gcMs };
    const closed: Edge = { own, main, others, engines, endedChildrenTicks: this.#endedChildren() };
    const opened = this.#opened as Edge;
    for (const member of [own, ...others])
      this.#addProcess(
        member,
        [opened.own, ...opened.others].find(({ pid }) => pid === member.pid),
      );
    this.#addEnded(opened, closed);
    this.#addEngine(main, opened.main, this.#main);
    for (const engine of engines)
      this.#addEngine(
        engine,
        opened.engines.find(({ worker }) => worker === engine.worker),
        this.#workers,
      );
  }

  get total(): Counters {
    const share = ({ active, total }: { active: number; total: number }) =>
      total > 0 ? active / total : null;
    return {
      cpuUserMs: this.#cpuUserUs / 1e3 + this.#endedMs,
      cpuSystemMs: this.#cpuSystemUs / 1e3,
      cpuSource: !this.#complete ? 'incomplete' : this.#childrenEnded ? 'self-report+cutime' : 'self-report',
      switchesVoluntary: this.#switchesVoluntary,
      switchesInvoluntary: this.#switchesInvoluntary,
      loopMain: share(this.#main) ?? 0,
      loopWorkers: share(this.#workers),
      gcMs: this.#gcMs,
    };
  }

  /** A process that was not there at opening began inside the window: all it has used counts. */
  #addProcess(now: Member, before: Member | undefined): void {
    this.#cpuUserUs += now.cpuUserUs - (before?.cpuUserUs ?? 0);
    this.#cpuSystemUs += now.cpuSystemUs - (before?.cpuSystemUs ?? 0);
    this.#switchesVoluntary += now.switchesVoluntary - (before?.switchesVoluntary ?? 0);
    this.#switchesInvoluntary += now.switchesInvoluntary - (before?.switchesInvoluntary ?? 0);
  }

  #addEnded(opened: Edge, closed: Edge): void {
    const gone = opened.others.filter(({ pid }) => !closed.others.some((member) => member.pid === pid));
    if (opened.endedChildrenTicks === null || closed.endedChildrenTicks === null) {
      this.#complete &&= gone.length === 0;
      return;
    }
    const ended = ((closed.endedChildrenTicks - opened.endedChildrenTicks) * 1000) / ticksPerSecond;
    const before = gone.reduce((sum, { cpuUserUs, cpuSystemUs }) => sum + (cpuUserUs + cpuSystemUs) / 1e3, 0);
    this.#endedMs += Math.max(0, ended - before);
    this.#childrenEnded ||= gone.length > 0 || ended > 0;
  }

  #addEngine(now: Engine, before: Engine | undefined, loop: { active: number; total: number }): void {
    const active = now.loopActiveMs - (before?.loopActiveMs ?? 0);
    loop.active += active;
    loop.total += active + now.loopIdleMs - (before?.loopIdleMs ?? 0);
    this.#gcMs += now.gcMs - (before?.gcMs ?? 0);
  }

  #endedChildren(): number | null {
    return processStat(this.#files, 'self')?.endedChildrenTicks ?? null;
  }
}
