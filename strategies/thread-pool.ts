import pMap from 'p-map';
import { Piscina } from 'piscina';
import { now } from './clock.js';
import type { Answer, Request } from './entries/thread-pool.js';
import { crashed, outcome, type Reply } from './outcome.js';
import { rollCall } from './roll-call.js';
import type { Outcome, Strategy } from './strategy.js';

/** Documents submitted and unfinished a worker: one in its hands and enough behind it that the pool's queue is never empty. */
const inFlightPerWorker = 4;

export default {
  name: 'thread-pool',
  about: 'worker threads and a central queue, one document a message (piscina)',
  isolation: 'thread',
  deliveries: ['clone'],
  scales: true,
  async open(workload, { workers }) {
    const pool = new Piscina({
      filename: new URL('./entries/thread-pool.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      workerData: workload,
    });
    const ask = (request: Request): Promise<Answer> => pool.run(request);
    // A worker that cannot load its workload is told by this event alone; later, a task in its hands is told as well.
    const failure = new Promise<never>((_, reject) => pool.on('error', reject));
    try {
      await Promise.race([failure, rollCall(workers, () => ask('report'))]);
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return {
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const pulledMs = now();
            const reply: Promise<Outcome> = pool.run(document).then(
              (reply: Reply) => outcome(document, pulledMs, reply),
              (cause: unknown) => crashed(document, cause),
            );
            await emit(await reply);
          },
          { concurrency: workers * inFlightPerWorker },
        );
      },
      async members() {
        return { processes: [], engines: (await rollCall(workers, () => ask('report'))).map(({ engine }) => engine) };
      },
      async close() {
        await rollCall(workers, () => ask('goodbye'));
        await pool.destroy();
      },
    };
  },
} satisfies Strategy;
