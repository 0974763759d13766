/** Says whether a run may end after a round, and what it has not reached yet. */
export interface Enough {
  readonly stop: boolean;
  /** Each entry is a sentence about a criterion that was requested and not reached. */
  readonly unmet: readonly string[];
}
