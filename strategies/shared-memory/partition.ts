/**
 * Adds items to lists so that the lists' costs become nearly equal, by the longest-processing-time rule: the
 * most expensive item goes first, and each item goes to the list with the lowest cost so far. When the lists
 * are empty at first, the highest cost is at most 4/3 − 1/(3·lists) times the best possible (Graham 1969).
 * Each list keeps the items' own order; some lists stay empty when there are fewer items than lists.
 * @param costs what each list already costs.
 */
export function balance<Item>(
  items: readonly Item[],
  costs: readonly number[],
  cost: (item: Item) => number,
): Item[][] {
  const own = items.map(cost);
  const sums = [...costs];
  const listOf = new Array<number>(items.length);
  for (const position of byFallingCost(own)) {
    let cheapest = 0;
    for (let list = 1; list < sums.length; list++)
      if ((sums[list] as number) < (sums[cheapest] as number)) cheapest = list;
    listOf[position] = cheapest;
    (sums[cheapest] as number) += own[position] as number;
  }
  const lists: Item[][] = costs.map(() => []);
  for (const [position, item] of items.entries()) (lists[listOf[position] as number] as Item[]).push(item);
  return lists;
}

/**
 * Sorts positions by falling cost. Documents of equal size are not sorted: that would cost more than
 * everything else.
 */
function byFallingCost(costs: readonly number[]): number[] {
  const positions = costs.map((_, position) => position);
  const falling = costs.every((cost, position) => position === 0 || cost <= (costs[position - 1] as number));
  return falling ? positions : positions.sort((a, b) => (costs[b] as number) - (costs[a] as number));
}
