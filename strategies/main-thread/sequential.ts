import { cancelled, outcome } from '../session/outcome.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import { alone, type Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { openTask } from '../worker/task.js';
import { mainWorker } from '../worker/worker-id.js';
import { connectLocally } from './connect.js';
import { withDeadline } from './deadline.js';

/** The baseline. It is kept as simple as possible, since all other strategies are compared with it. */
export default {
  name: 'sequential',
  about: 'one document after the other on the main thread; the baseline',
  isolation: 'none',
  origin: 'bare',
  baseline: true,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: 1,
  workerModule: null,
  deliveries: ['none', 'reference'],
  travelsInFile: [],
  scales: false,
  async open(workload, { delivery, timeoutMs, channel }) {
    const callerEnd = new CallerEnd(channel);
    const task = await openTask(workload, {
      worker: mainWorker,
      timeoutMs,
      connect: connectLocally(callerEnd),
    });
    return guarded({
      callerEnd,
      takesReferences: delivery === 'reference',
      async run(documents, emit, cancelling) {
        for await (const document of documents) {
          if (cancelling.has(document.index)) {
            await emit(cancelled(document));
            continue;
          }
          const pulledMs = now();
          const reply = task.run(document);
          const found =
            reply instanceof Promise
              ? reply.then((reply) => outcome(document, pulledMs, reply))
              : outcome(document, pulledMs, reply);
          await emit(await withDeadline(document, timeoutMs, found));
        }
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
