/** Says what the workers of a session use, with one entry per process and one per JavaScript engine. */
export interface Members {
  /** Every process beside the caller's own has an entry. */
  readonly processes: readonly Member[];
  /** Every engine beside the caller's own has an entry. */
  readonly engines: readonly Engine[];
  /** Set when some workers could not be asked: the lists are then incomplete. */
  readonly partial?: true;
  /** The agents of a strategy between machines. Processes of other machines are in none of these lists. */
  readonly machines?: readonly MachineReport[];
  /** Batches that were run again since the session opened, because their agent was lost. */
  readonly redelivered?: number;
  /** Results that were dropped since then, because the document had its outcome already. */
  readonly duplicates?: number;
}

/** Describes an agent of a strategy between machines. */
export interface MachineReport {
  /** Names of workers begin with this name and a slash. */
  readonly agent: string;
  /** The machine has this host name. */
  readonly host: string;
  /** The agent runs this many workers. */
  readonly workers: number;
  /** A message from the agent to the broker and back took this long, ms. */
  readonly roundTripMs: number;
}

/** One process reports its CPU time and context switches since it started. */
export interface Member {
  /** The system gave the process this id. */
  readonly pid: number;
  /** CPU time that the process spent in its own code, µs. */
  readonly cpuUserUs: number;
  /** CPU time that the system spent for the process, µs. */
  readonly cpuSystemUs: number;
  /** Counts how often the process gave its core away in order to wait. */
  readonly switchesVoluntary: number;
  /** Counts how often the system took the core away. */
  readonly switchesInvoluntary: number;
}

/**
 * One JavaScript engine (a worker thread, or the main thread of a child process) reports its times since it
 * started, ms.
 */
export interface Engine {
  /** Outcomes use the same name. */
  readonly worker: string;
  /** Its event loop was busy for this long; a wait that blocks counts as busy. */
  readonly loopActiveMs: number;
  /** Its event loop waited for events for this long. */
  readonly loopIdleMs: number;
  /** Garbage collection took this long. */
  readonly gcMs: number;
}

/**
 * One stage reports its work since the session opened. Times are those of all its workers together. Where a
 * worker serves several stages, the time in which it does nothing counts for one of them.
 */
export interface StageReport {
  /** The stage has this name. */
  readonly stage: string;
  /** The stage has this many workers now; a starting one counts. */
  readonly workers: number;
  /** This many of these workers are not ready yet. */
  readonly starting: number;
  /** The stage has finished this many values, with a result or an error. */
  readonly documents: number;
  /** The values that the stage took had about this size, bytes. */
  readonly bytes: number;
  /** Workers ran the stage for this long by their clocks, ms. */
  readonly busyMs: number;
  /** Workers were ready, values waited, and the queue behind the stage had no room, for this long, ms. */
  readonly blockedMs: number;
  /** Workers were ready and waited for values for this long, ms. */
  readonly idleMs: number;
  /** Values that wait in front of the stage now, in its queue and in its workers. */
  readonly waiting: number;
  /** These values have about this size, bytes. */
  readonly waitingBytes: number;
}

/** `members` returns this where there are no workers beside the caller's thread. */
export const alone: Members = { processes: [], engines: [] };
