import pMap from 'p-map';
import { withMemory } from '../../services/cache/cache-facts.js';
import { taskServices } from '../../services/task-services.js';
import { type Box, boxed } from '../session/box.js';
import { cancelled, outcome } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import { alone, type Outcome, type Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { openTask } from '../worker/task.js';
import { mainWorker } from '../worker/worker-id.js';
import { connectLocally } from './connect.js';
import { runWithin, withDeadline } from './deadline.js';
import { Gate } from './gate.js';

/** A number that may change can grow to this, or to twice what it is when a run begins. */
const roomInFlight = 1024;

export default {
  name: 'async',
  about: 'main thread, at most as many documents in flight as there are workers (p-map)',
  isolation: 'none',
  origin: 'bare',
  baseline: false,
  concurrency: 'in flight',
  measured: 'always',
  maxRuns: 1,
  workerModule: null,
  deliveries: ['none', 'reference'],
  travelsInFile: [],
  scales: true,
  async open(workload, given) {
    const options = withMemory(given);
    const { workers, delivery, timeoutMs, channel } = options;
    const callerEnd = new CallerEnd(channel, options);
    const task = await openTask(workload, {
      worker: mainWorker,
      services: taskServices(options),
      timeoutMs,
      isShared: () => true,
      connect: connectLocally(callerEnd),
    });
    /** There is one once the number has been changed: it costs a promise per document. */
    let gate: Gate | null = null;
    const ended = (document: CarriedDocument): Outcome | Promise<Outcome> => {
      const pulledMs = now();
      if (task.isServed && timeoutMs !== undefined)
        return runWithin(task, document, timeoutMs, (reply) => outcome(document, pulledMs, reply));
      const reply = task.run(document);
      const found =
        reply instanceof Promise
          ? reply.then((reply) => outcome(document, pulledMs, reply))
          : outcome(document, pulledMs, reply);
      return withDeadline(document, timeoutMs, found);
    };
    return guarded({
      callerEnd,
      takesReferences: delivery === 'reference',
      keepsPaths: true,
      async run(documents, emit, cancelling) {
        const through = gate;
        const run = async (box: Box) => {
          const document = box.take();
          await emit(cancelling.has(document.index) ? cancelled(document) : await ended(document));
          through?.leave();
        };
        const boxes = boxed(documents);
        if (through === null) await pMap(boxes, run, { concurrency: workers });
        else
          await pMap(through.through(boxes), run, {
            concurrency: Math.max(roomInFlight, 2 * through.number),
          });
      },
      /** The caller's thread is the one worker. The first call takes effect with the next run. */
      setPerWorker(number) {
        gate ??= new Gate(number);
        gate.setNumber(number);
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
