import type { Session, StageReport } from '../../strategies/strategy.js';

/** Says what the workers of one stage did in the timed passes; `workers` is their number at the end. */
export type StageRecord = Pick<
  StageReport,
  'stage' | 'workers' | 'documents' | 'bytes' | 'busyMs' | 'blockedMs' | 'idleMs'
>;

/** Adds up what the stages of a session do between `open` and `close`. Both may be called again. */
export class StageCounters {
  readonly #session: Pick<Session, 'stages'>;
  #opened: readonly StageReport[] = [];
  #total: readonly StageRecord[] = [];

  constructor(session: Pick<Session, 'stages'>) {
    this.#session = session;
  }

  open(): void {
    this.#opened = this.#session.stages?.() ?? [];
  }

  close(): void {
    const closed = this.#session.stages?.() ?? [];
    this.#total = closed.map((after, i) => {
      const before = this.#opened[i];
      const earlier = this.#total[i];
      const sum = (of: (report: StageRecord) => number) =>
        (earlier === undefined ? 0 : of(earlier)) + of(after) - (before === undefined ? 0 : of(before));
      return {
        stage: after.stage,
        workers: after.workers,
        documents: sum(({ documents }) => documents),
        bytes: sum(({ bytes }) => bytes),
        busyMs: sum(({ busyMs }) => busyMs),
        blockedMs: sum(({ blockedMs }) => blockedMs),
        idleMs: sum(({ idleMs }) => idleMs),
      };
    });
  }

  /** Empty where the session has no stages of its own. */
  get total(): readonly StageRecord[] {
    return this.#total;
  }
}
