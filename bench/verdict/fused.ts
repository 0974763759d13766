import type { StrategyTraits } from '../../strategies/strategy.js';
import type { RatedSummary } from '../tables/summary-columns.js';
import type { Choice, Ratio, Relation } from './choice.js';
import type { Measured } from './configurations.js';

/**
 * A task with stages runs fused, where a worker runs all stages of a document one after the other, or staged,
 * where each stage has workers of its own. Which of them to use follows from the choice (`choice.ts`).
 */
export interface FusedOrStaged {
  readonly use: 'fused' | 'staged';
  /** This configuration is the fastest one of the other way. */
  readonly other: RatedSummary;
  /** Rate of the other ÷ rate of the choice; null where they have no round in common. */
  readonly ratio: Ratio | null;
  readonly relation: Relation;
  /** The task computes nearly all the time, so a staged run has nothing to overlap. */
  readonly onlyComputes: boolean;
}

/** Null where only one of the two ways was measured, also because the task has no stages. */
export function fusedOrStaged(
  { choice, rivals }: Pick<Choice<Measured>, 'choice' | 'rivals'>,
  strategies: readonly Pick<StrategyTraits, 'name' | 'staged'>[],
): FusedOrStaged | null {
  const isStaged = ({ cell }: Pick<Measured, 'cell'>) =>
    cell.configuration !== null &&
    strategies.some(({ name, staged }) => staged === true && name === cell.strategy);
  const rival = rivals.find(({ configuration }) => isStaged(configuration) !== isStaged(choice));
  if (rival === undefined) return null;
  return {
    use: isStaged(choice) ? 'staged' : 'fused',
    other: rival.configuration.cell,
    ratio: rival.ratio,
    relation: rival.relation,
    onlyComputes: choice.cell.kind === 'cpu',
  };
}

/** Returns it as data, for `--json` and `recommendation.json`. */
export function stagedData({ use, other, ratio, relation, onlyComputes }: FusedOrStaged) {
  const { strategy, workers, delivery, configuration } = other;
  return {
    use,
    other: { strategy, workers, delivery, ...(configuration !== null && { configuration }) },
    ratio,
    relation,
    onlyComputes,
  };
}
