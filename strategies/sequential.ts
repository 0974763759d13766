import { now } from './clock.js';
import { outcome } from './outcome.js';
import { guarded } from './session.js';
import { alone, type Strategy } from './strategy.js';
import { openTask } from './task.js';

/** The baseline, kept dumb. */
export default {
  name: 'sequential',
  about: 'one document after the other on the main thread; the baseline',
  isolation: 'none',
  deliveries: ['none'],
  scales: false,
  async open(workload) {
    const task = await openTask(workload, 0);
    return guarded({
      async run(documents, emit) {
        for await (const document of documents) {
          const pulledMs = now();
          await emit(outcome(document, pulledMs, await task.run(document)));
        }
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
