/**
 * Adds items to lists so that the lists' costs become nearly equal, by the longest-processing-time rule: the dearest
 * first, each to the list that costs least so far. From empty lists, at most 4/3 − 1/(3·lists) times the best possible
 * (Graham 1969). Each list keeps the items' own order; some get none when there are fewer items than lists.
 * @param costs what stands in each list already.
 */
export function balance<Item>(
  items: readonly Item[],
  costs: readonly number[],
  cost: (item: Item) => number,
): Item[][] {
  const own = items.map(cost);
  const sums = [...costs];
  const listOf = new Array<number>(items.length);
  for (const position of dearestFirst(own)) {
    let least = 0;
    for (let list = 1; list < sums.length; list++)
      if ((sums[list] as number) < (sums[least] as number)) least = list;
    listOf[position] = least;
    (sums[least] as number) += own[position] as number;
  }
  const lists: Item[][] = costs.map(() => []);
  for (const [position, item] of items.entries()) (lists[listOf[position] as number] as Item[]).push(item);
  return lists;
}

/** Positions by cost, falling. Documents of one size need no sorting, which would cost more than all the rest. */
function dearestFirst(costs: readonly number[]): number[] {
  const positions = costs.map((_, position) => position);
  const falling = costs.every((cost, position) => position === 0 || cost <= (costs[position - 1] as number));
  return falling ? positions : positions.sort((a, b) => (costs[b] as number) - (costs[a] as number));
}
