import type { Delivery } from '../../strategies/strategy.js';
import type { LoadedStrategy } from '../trials/plan.js';

/** One way to configure a strategy. */
export interface Configuration {
  readonly delivery: Delivery;
  readonly inFlight: number | null;
}

/**
 * A line of the charts: a strategy, with a task that owns its documents' bytes or reads them where they are shared, and
 * a caller that keeps its documents or gives them away.
 */
export interface Series {
  readonly name: string;
  readonly loaded: LoadedStrategy;
  readonly shared: boolean;
  readonly transferred: boolean;
  readonly role: 'ours' | 'pool' | 'other';
  /** All that may be its best. */
  readonly configurations: readonly [Configuration, ...Configuration[]];
}

const ours = ['partitioned', 'self-scheduling', 'queue'];
/** What stands for no pool: the main thread, and what people write before they take a pool. */
const noPools = ['sequential', 'async', 'thread-per-document', 'post-message'];
/** Deliveries that give a task the choice to read its document in place. */
const inPlace: readonly Delivery[] = ['shared', 'path'];

export function seriesOf(strategies: readonly LoadedStrategy[]): Series[] {
  return strategies.flatMap((loaded): Series[] => {
    const { name, deliveries, inFlight } = loaded.strategy;
    const role = ours.includes(name) ? 'ours' : noPools.includes(name) ? 'other' : 'pool';
    const configurations = deliveries.flatMap((delivery) =>
      (inFlight ?? [null]).map((inFlight): Configuration => ({ delivery, inFlight })),
    );
    const series = (
      suffix: string,
      of: Partial<Series>,
      fits: (configuration: Configuration) => boolean,
    ): Series[] => {
      const [first, ...others] = configurations.filter(fits);
      if (first === undefined) return [];
      const usual = { name: `${name}${suffix}`, loaded, role, shared: false, transferred: false } as const;
      return [{ ...usual, ...of, configurations: [first, ...others] }];
    };
    return [
      ...series('', {}, ({ delivery }) => delivery !== 'transfer'),
      ...series(' (shared view)', { shared: true }, ({ delivery }) => inPlace.includes(delivery)),
      ...series(' (transferred)', { transferred: true }, ({ delivery }) => delivery === 'transfer'),
    ];
  });
}
