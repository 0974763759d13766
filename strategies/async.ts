import pMap from 'p-map';
import { now } from './clock.js';
import { outcome } from './outcome.js';
import { guarded } from './session.js';
import { alone, type Strategy } from './strategy.js';
import { openTask } from './task.js';

export default {
  name: 'async',
  about: 'main thread, at most as many documents in flight as there are workers (p-map)',
  isolation: 'none',
  deliveries: ['none'],
  scales: true,
  async open(workload, { workers }) {
    const task = await openTask(workload, 0);
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const pulledMs = now();
            await emit(outcome(document, pulledMs, await task.run(document)));
          },
          { concurrency: workers },
        );
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
