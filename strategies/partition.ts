/**
 * Splits items into `parts` lists of nearly equal cost by the longest-processing-time rule: the dearest first, each to
 * the list that costs least so far. At most 4/3 − 1/(3·parts) times the best possible (Graham 1969). Each list keeps
 * the items' own order; some are empty when there are fewer items than parts.
 */
export function balance<Item>(items: readonly Item[], parts: number, cost: (item: Item) => number): Item[][] {
  const dearestFirst = items.map((item, position) => ({ position, cost: cost(item) })).sort((a, b) => b.cost - a.cost);
  const lists = Array.from({ length: parts }, () => ({ cost: 0, positions: [] as number[] }));
  for (const { position, cost } of dearestFirst) {
    // Equal costs (documents of 0 bytes) spread by number.
    const least = lists.reduce((a, b) => ((b.cost - a.cost || b.positions.length - a.positions.length) < 0 ? b : a));
    least.positions.push(position);
    least.cost += cost;
  }
  return lists.map(({ positions }) => positions.sort((a, b) => a - b).map((position) => items[position] as Item));
}
