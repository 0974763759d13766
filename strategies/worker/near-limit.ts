import { getHeapStatistics } from 'node:v8';
import { onMajorGc } from './usage-report.js';

/**
 * A heap is near its limit above this share of it. V8 may give up from 80 % on, when collecting gains little.
 */
const nearShare = 0.75;
/**
 * It must have grown by this share since the task was loaded: a task that needs as much from its start would
 * be replaced again and again.
 */
const grownShare = 0.25;

/**
 * Calls `near` once when this engine's heap is near its limit. It looks after major collections only, so it
 * costs nothing while documents run, and what could have been collected does not count.
 */
export function whenHeapIsNear(limitMb: number, near: () => void): void {
  const startMb = usedMb();
  let isNear = false;
  onMajorGc(() => {
    const mb = usedMb();
    if (isNear || mb < nearShare * limitMb || mb - startMb < grownShare * limitMb) return;
    isNear = true;
    near();
  });
}

function usedMb(): number {
  return getHeapStatistics().used_heap_size / 2 ** 20;
}
