import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import workerpool from 'workerpool';
import { now } from './clock.js';
import type { Answer } from './entries/process-pool.js';
import { submitted } from './in-flight.js';
import { crashed, outcome, type Reply } from './outcome.js';
import { rollCall } from './roll-call.js';
import { guarded } from './session.js';
import type { Outcome, Strategy } from './strategy.js';

export default {
  name: 'process-pool',
  about: 'child processes and a central queue, one document a message (workerpool)',
  isolation: 'process',
  deliveries: ['message'],
  scales: true,
  async open(workload, { workers }) {
    const pool = workerpool.pool(fileURLToPath(new URL('./entries/process-pool.js', import.meta.url)), {
      workerType: 'process',
      minWorkers: 'max',
      maxWorkers: workers,
      forkArgs: [JSON.stringify(workload)],
      forkOpts: { serialization: 'advanced' }, // JSON would turn the bytes into an object of numbers
    });
    const ask = async (method: 'report' | 'goodbye'): Promise<Answer> => {
      const answer = (await pool.exec(method, [])) as Answer;
      if (answer.failure !== null) throw Object.assign(new Error(), answer.failure);
      return answer;
    };
    try {
      await rollCall(workers, () => ask('report'));
    } catch (error) {
      await pool.terminate(true);
      throw error;
    }
    return guarded({
      async run(documents, emit) {
        await pMap(
          documents,
          async (document) => {
            const pulledMs = now();
            const reply: Promise<Outcome> = pool.exec('run', [document]).then(
              (reply: Reply) => outcome(document, pulledMs, reply),
              (cause: unknown) => crashed(document, cause),
            );
            await emit(await reply);
          },
          { concurrency: workers * submitted(1) },
        );
      },
      async members() {
        const answers = await rollCall(workers, () => ask('report'));
        return { processes: answers.map(({ member }) => member), engines: answers.map(({ engine }) => engine) };
      },
      async close() {
        await rollCall(workers, () => ask('goodbye'));
        await pool.terminate();
      },
    });
  },
} satisfies Strategy;
