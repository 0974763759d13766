import type { Strategy } from '../strategy.js';
import { openArenaSession } from './arena-session.js';
import type { PulledDocument } from './feed.js';
import { balance } from './partition.js';
import { arenaTraits } from './traits.js';

/**
 * Documents that are balanced together: a corpus of usual size as a whole, a stream piece by piece. Each
 * piece is added to the partitions as they are, so that their totals stay balanced, no matter how far each
 * worker has progressed.
 */
const window = { documents: 1024, bytes: 16 * 2 ** 20, ms: 2 };
/**
 * A stream is read only so far ahead of the workers. As much again as is published may wait in backlogs,
 * since one worker may be slower than the balance supposes. A corpus (a synchronous source) is split up
 * front, so the limits do not apply to it.
 */
const ahead = { publishedMs: 10, pulledMs: 20, streamsOnly: true };

/**
 * Each worker has a queue of its own, and the caller decides which queue gets a document. The transport and
 * the protocol between the threads are those of `self-scheduling.ts`, whose head says which file holds what.
 */
export default {
  name: 'partitioned',
  about: 'documents split up front into partitions of equal bytes, one a worker thread, over shared memory',
  ...arenaTraits,
  open(workload, options) {
    const { workers } = options;
    const split = { queues: workers, window, ahead, begin: () => begin(workers) };
    return openArenaSession(workload, { ...options, split });
  },
} satisfies Strategy;

function begin(workers: number): (window: readonly PulledDocument[]) => PulledDocument[][] {
  const costs = new Array<number>(workers).fill(0);
  return (window) => {
    const partitions = balance(window, costs, cost);
    for (const [i, partition] of partitions.entries())
      for (const pulled of partition) (costs[i] as number) += cost(pulled);
    return partitions;
  };
}

/** Costs a document its bytes plus one, so that empty documents are spread by their number. */
function cost({ document }: PulledDocument): number {
  return document.size + 1;
}
