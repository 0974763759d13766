import type { Strategy } from '../strategy.js';
import { openArenaSession } from './arena-session.js';
import type { PulledDocument } from './feed.js';
import { arenaTraits } from './traits.js';

/**
 * One queue for all workers: every free worker claims the next document, as OpenMP's `schedule(dynamic)`
 * does.
 *
 * - A worker claims one document at a time, with one compare-and-swap: `claim` in `claim-table.ts`.
 * - A worker that finds nothing to claim blocks its thread for up to 1 ms, then rests in its event loop:
 *   `idle` in `worker.ts`.
 * - The caller looks after every 64 documents or 1 MiB it has published (`stride` in `feeding-loop.ts`)
 *   whether waiting work is worth waking a worker: `wake-ups.ts`. Before it rests, it wakes one for each
 *   document that waits.
 * - About 5 ms of work are in front of each worker, at least two documents, and one more than it ends between
 *   two reports: `ahead.ts`.
 * - A worker reports up to 256 outcomes in one message, and none waits for others longer than 4 ms:
 *   `flushDocuments` in `arena-session.ts`, which also lists the files of this folder, and `isTime` in
 *   `unreported.ts`.
 *
 * The window below is something else: the number of documents that the caller takes from the source at once.
 */
export const split = {
  queues: 1,
  window: { documents: 64, bytes: 2 ** 20, ms: 0.2 },
  ahead: { publishedMs: 5, pulledMs: 5, streamsOnly: false },
  begin: () => (window: readonly PulledDocument[]) => [window],
};

export default {
  name: 'self-scheduling',
  about: 'worker threads that claim the next document from shared memory, one atomic step each',
  ...arenaTraits,
  open: (workload, options) => openArenaSession(workload, { ...options, split }),
} satisfies Strategy;
