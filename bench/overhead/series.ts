import { type Delivery, deliveriesOfBytes, type Origin } from '../../strategies/strategy.js';
import type { LoadedStrategy } from '../trials/plan.js';

/** One way in which a strategy hands documents to its workers. */
export interface Dispatch {
  readonly delivery: Delivery;
  readonly inFlight: number | null;
}

/**
 * A line of the charts: a strategy, whose task owns its documents' bytes or reads them in shared memory,
 * and whose caller keeps its documents or gives them away.
 */
export interface Series {
  readonly name: string;
  readonly loaded: LoadedStrategy;
  readonly shared: boolean;
  readonly transferred: boolean;
  readonly role: 'ours' | 'pool' | 'other';
  /** The ways that compete to be its best. */
  readonly dispatches: readonly [Dispatch, ...Dispatch[]];
}

/**
 * A strategy built on a library is measured as that library's pool; bare ones are what people write without
 * a pool.
 */
const roles: Readonly<Record<Origin, Series['role']>> = { ours: 'ours', library: 'pool', bare: 'other' };
/** Deliveries with which a task can read its document in place. */
const inPlace: readonly Delivery[] = ['shared', 'path'];

export function seriesOf(strategies: readonly LoadedStrategy[]): Series[] {
  return strategies.flatMap((loaded): Series[] => {
    const { name, origin, inFlight, limit } = loaded.strategy;
    if (limit === true) return []; // it hands nothing over while its clock runs
    const role = roles[origin];
    const dispatches = deliveriesOfBytes(loaded.strategy).flatMap((delivery) =>
      (inFlight ?? [null]).map((inFlight): Dispatch => ({ delivery, inFlight })),
    );
    const series = (suffix: string, of: Partial<Series>, fits: (dispatch: Dispatch) => boolean): Series[] => {
      const [first, ...others] = dispatches.filter(fits);
      if (first === undefined) return [];
      const usual = { name: `${name}${suffix}`, loaded, role, shared: false, transferred: false } as const;
      return [{ ...usual, ...of, dispatches: [first, ...others] }];
    };
    return [
      ...series('', {}, ({ delivery }) => delivery !== 'transfer'),
      ...series(' (shared view)', { shared: true }, ({ delivery }) => inPlace.includes(delivery)),
      ...series(' (transferred)', { transferred: true }, ({ delivery }) => delivery === 'transfer'),
    ];
  });
}
