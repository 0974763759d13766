/** Whether a run may end after a round, and what speaks against it. */
export interface Enough {
  readonly stop: boolean;
  /** In words, what was asked for and not reached. */
  readonly unmet: readonly string[];
}
