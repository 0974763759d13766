import type { Strategy } from '../strategy.js';
import { openCrew } from './arena-session.js';
import type { Pulled } from './feed.js';
import { balance } from './partition.js';

/**
 * What is balanced at once: a corpus of usual size as a whole, a stream piece by piece. Each piece is dealt to the
 * partitions as they stand, so that the sums stay balanced over all of them, however far a worker has come.
 */
const window = { documents: 1024, bytes: 16 * 2 ** 20, ms: 2 };

export default {
  name: 'partitioned',
  about: 'documents split up front into partitions of equal bytes, one a worker thread, over shared memory',
  isolation: 'thread',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: 2,
  workerModule: new URL('./worker.js', import.meta.url).href,
  deliveries: ['shared'],
  travelsInFile: [],
  scales: true,
  open: (workload, { workers, timeoutMs, heapMb }) =>
    openCrew(workload, {
      workers,
      timeoutMs,
      heapMb,
      deal: { queues: workers, window, begin: () => begin(workers) },
    }),
} satisfies Strategy;

function begin(workers: number): (window: readonly Pulled[]) => Pulled[][] {
  const costs = new Array<number>(workers).fill(0);
  return (window) => {
    const partitions = balance(window, costs, cost);
    for (const [i, partition] of partitions.entries())
      for (const pulled of partition) (costs[i] as number) += cost(pulled);
    return partitions;
  };
}

/** Its bytes, and one so that empty documents spread by number. */
function cost({ document }: Pulled): number {
  return document.size + 1;
}
