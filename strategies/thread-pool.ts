import pMap from 'p-map';
import { Piscina } from 'piscina';
import type { Document } from '../workloads/workload.js';
import { now } from './clock.js';
import type { Answer, Request } from './entries/thread-pool.js';
import { submitted } from './in-flight.js';
import { crashed, outcome, type Reply } from './outcome.js';
import { owned } from './owned.js';
import { rollCall } from './roll-call.js';
import { guarded } from './session.js';
import type { Outcome, Strategy } from './strategy.js';

export default {
  name: 'thread-pool',
  about: 'worker threads and a central queue, one document a message (piscina)',
  isolation: 'thread',
  deliveries: ['clone', 'transfer'],
  scales: true,
  inFlight: [1, 4, 16], // one is piscina's default, and how people run it
  async open(workload, { workers, delivery, inFlight = 1 }) {
    const pool = new Piscina({
      filename: new URL('./entries/thread-pool.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: inFlight,
      workerData: workload,
    });
    const ask = (request: Request): Promise<Answer> => pool.run(request);
    const submit = (document: Document): Promise<Reply> => {
      if (delivery === 'clone') return pool.run(document);
      const own = owned(document);
      return pool.run(own, { transferList: [own.bytes.buffer] });
    };
    // A worker that cannot load its workload is told by this event alone; later, a task in its hands is told as well.
    const failure = new Promise<never>((_, reject) => pool.on('error', reject));
    try {
      await Promise.race([failure, rollCall(workers, () => ask('report'))]);
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const pulledMs = now();
            const reply: Promise<Outcome> = submit(document).then(
              (reply) => outcome(document, pulledMs, reply),
              (cause: unknown) => crashed(document, cause),
            );
            await emit(await reply);
          },
          { concurrency: workers * submitted(inFlight) },
        );
      },
      async members() {
        return { processes: [], engines: (await rollCall(workers, () => ask('report'))).map(({ engine }) => engine) };
      },
      async close() {
        await rollCall(workers, () => ask('goodbye'));
        await pool.destroy();
      },
    });
  },
} satisfies Strategy;
