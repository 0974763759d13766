/**
 * Adds items to lists so that the lists' costs become nearly equal, by the longest-processing-time rule: the dearest
 * first, each to the list that costs least so far. From empty lists, at most 4/3 − 1/(3·lists) times the best possible
 * (Graham 1969). Each list keeps the items' own order; some get none when there are fewer items than lists.
 * @param costs what stands in each list already.
 */
export function balance<Item>(items: readonly Item[], costs: readonly number[], cost: (item: Item) => number): Item[][] {
  const dearestFirst = items.map((item, position) => ({ position, cost: cost(item) })).sort((a, b) => b.cost - a.cost);
  const lists = costs.map((cost) => ({ cost, positions: [] as number[] }));
  for (const { position, cost } of dearestFirst) {
    const least = lists.reduce((a, b) => (b.cost < a.cost ? b : a));
    least.positions.push(position);
    least.cost += cost;
  }
  return lists.map(({ positions }) => positions.sort((a, b) => a - b).map((position) => items[position] as Item));
}
