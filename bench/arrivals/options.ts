import type { ArrivalRow } from '../tables/arrival-columns.js';
import type { SloRow } from '../tables/slo-columns.js';
import type { TrialRow } from '../tables/trial-columns.js';
import type { Cell } from '../trials/plan.js';
import type { ArrivalTrialOptions } from './arrival-trial.js';
import type { ArrivalRequest } from './request.js';

/** What the open loops of a run need. */
export interface ArrivalOptions {
  readonly runId: string;
  readonly request: ArrivalRequest;
  readonly cells: readonly Cell[];
  /** Closed-loop trials of the same run, which say what rates are shares of. */
  readonly trials: readonly TrialRow[];
  readonly seed: number;
  /** Open-loop trials of an earlier invocation, which are not measured again. */
  readonly finished: readonly ArrivalRow[];
  readonly finishedSearches: readonly SloRow[];
  readonly measure: (
    cell: Cell,
    options: Omit<ArrivalTrialOptions, 'suite' | 'runId'>,
  ) => Promise<ArrivalRow>;
  readonly keep: (row: ArrivalRow) => void;
  readonly keepSearch: (row: SloRow) => void;
  readonly say: (text: string) => void;
  /** Ends the run after the trial that is in progress. */
  readonly signal: AbortSignal;
}
