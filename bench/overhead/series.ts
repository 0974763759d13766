import type { Delivery } from '../../strategies/strategy.js';
import type { LoadedStrategy } from '../plan.js';

/** One way to configure a strategy. */
export interface Configuration {
  readonly delivery: Delivery;
  readonly inFlight: number | null;
}

/** A line of the charts: a strategy, with a task that owns its documents' bytes or reads them where they are shared. */
export interface Series {
  readonly name: string;
  readonly loaded: LoadedStrategy;
  readonly shared: boolean;
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
    ) as [Configuration, ...Configuration[]];
    const series: Series = { name, loaded, shared: false, role, configurations };
    const shared = configurations.filter(({ delivery }) => inPlace.includes(delivery));
    if (shared.length === 0) return [series];
    return [
      series,
      { ...series, name: `${name} (shared view)`, shared: true, configurations: shared as [Configuration, ...Configuration[]] },
    ];
  });
}
