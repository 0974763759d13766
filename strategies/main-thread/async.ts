import pMap from 'p-map';
import { taskServices } from '../../services/task-services.js';
import { type Box, boxed } from '../session/box.js';
import { cancelled, outcome } from '../session/outcome.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import { alone, type Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { openTask } from '../worker/task.js';
import { mainWorker } from '../worker/worker-id.js';
import { connectLocally } from './connect.js';
import { runWithin, withDeadline } from './deadline.js';
import { Gate } from './gate.js';

/** A number that may change stays below this. */
const maxInFlight = 1024;

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
  async open(workload, options) {
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
    return guarded({
      callerEnd,
      takesReferences: delivery === 'reference',
      keepsPaths: true,
      async run(documents, emit, cancelling) {
        const run = async (box: Box) => {
          const document = box.take();
          if (cancelling.has(document.index)) return emit(cancelled(document));
          const pulledMs = now();
          if (task.isServed && timeoutMs !== undefined)
            return emit(
              await runWithin(task, document, timeoutMs, (reply) => outcome(document, pulledMs, reply)),
            );
          const reply = task.run(document);
          const found =
            reply instanceof Promise
              ? reply.then((reply) => outcome(document, pulledMs, reply))
              : outcome(document, pulledMs, reply);
          await emit(await withDeadline(document, timeoutMs, found));
        };
        const boxes = boxed(documents);
        const through = gate;
        if (through === null) await pMap(boxes, run, { concurrency: workers });
        else {
          const runAndLeave = (box: Box) => run(box).finally(() => through.leave());
          await pMap(through.through(boxes), runAndLeave, { concurrency: maxInFlight });
        }
      },
      /** The caller's thread is the one worker. The first call takes effect with the next run. */
      setPerWorker(number) {
        gate ??= new Gate(number);
        gate.setNumber(Math.min(number, maxInFlight));
      },
      members: async () => alone,
      close: () => task.close(),
    });
  },
} satisfies Strategy;
