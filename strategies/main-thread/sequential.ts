import { withMemory } from '../../services/cache/cache-facts.js';
import { taskServices } from '../../services/task-services.js';
import { cancelled, outcome } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import { SourceReader } from '../session/source.js';
import { alone, type Outcome, type Strategy } from '../strategy.js';
import { openTask } from '../worker/task.js';
import { mainWorker } from '../worker/worker-id.js';
import { connectLocally } from './connect.js';
import { runWithin, withDeadline } from './deadline.js';

/** After this many documents that waited for nothing, callers that wait for outcomes have their turn. */
const documentsPerTurn = 16;

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
  async open(workload, given) {
    const options = withMemory(given);
    const { delivery, timeoutMs, channel } = options;
    const callerEnd = new CallerEnd(channel, options);
    const task = await openTask(workload, {
      worker: mainWorker,
      services: taskServices(options),
      timeoutMs,
      connect: connectLocally(callerEnd),
    });
    return guarded({
      callerEnd,
      takesReferences: delivery === 'reference',
      keepsPaths: true,
      async run(documents, emit, cancelling) {
        const runOne = (document: CarriedDocument): Promise<Outcome> | Outcome => {
          if (cancelling.has(document.index)) return cancelled(document);
          if (task.isServed && timeoutMs !== undefined)
            return runWithin(task, document, timeoutMs, (reply) => outcome(document, reply.startedMs, reply));
          const reply = task.run(document);
          // The task begins when its document is pulled.
          if (!(reply instanceof Promise)) return outcome(document, reply.startedMs, reply);
          const found = reply.then((reply) => outcome(document, reply.startedMs, reply));
          return withDeadline(document, timeoutMs, found);
        };
        const source = new SourceReader(documents);
        try {
          for (let count = 1; ; count++) {
            // A promise per document takes longer than a short task, so there is one only where it waits.
            const next = source.now() ?? (await source.next());
            if (next.done) return;
            const found = runOne(next.value);
            const emitted = emit(found instanceof Promise ? await found : found);
            if (emitted !== undefined) await emitted;
            else if (count % documentsPerTurn === 0) await null;
          }
        } catch (cause) {
          source.stop();
          throw cause;
        }
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
