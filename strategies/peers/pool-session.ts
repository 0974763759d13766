import pMap from 'p-map';
import type { Document } from '../../workloads/workload.js';
import { rollCall } from '../library-pool/roll-call.js';
import { crashed, outcome, type Reply } from '../session/outcome.js';
import { guarded } from '../session/session.js';
import type { Outcome, Session } from '../strategy.js';
import { now } from '../worker/clock.js';
import type { Answer, Request } from './worker/serve.js';

/** A library's pool whose workers run `worker/serve.ts`. */
export interface Pool {
  readonly workers: number;
  readonly isolation: 'thread' | 'process';
  /** Documents submitted and unfinished at most, over all workers. */
  readonly concurrency: number;
  /** Rejects when the worker that had the document died. */
  submit(document: Document): PromiseLike<Reply>;
  /** Asks some worker; several at once reach different idle ones. */
  ask(request: Request): PromiseLike<Answer>;
  /** Ends all workers. */
  end(): PromiseLike<unknown>;
  /** Aborts, with an Error as its reason, when the pool has lost documents that it will never answer for. */
  readonly lost?: AbortSignal;
}

/**
 * The session over a pool, once every worker has loaded its workload.
 * @throws what a worker says it could not load its workload for; the pool is ended then.
 */
export async function poolSession(pool: Pool): Promise<Session> {
  const { workers, isolation, concurrency, lost } = pool;
  const roll = async (request: Request) => {
    // Looked at when all have answered: not every pool can be ended while one still loads.
    const answers = await rollCall(workers, async () => pool.ask(request));
    for (const { failure } of answers) if (failure !== null) throw Object.assign(new Error(), failure);
    return answers;
  };
  try {
    await roll('report');
  } catch (error) {
    await pool.end();
    throw error;
  }
  return guarded({
    async run(documents, emit) {
      await pMap(
        documents,
        async (document) => {
          const pulledMs = now();
          const reply: PromiseLike<Outcome> = pool.submit(document).then(
            (reply) => outcome(document, pulledMs, reply),
            (cause: unknown) => crashed(document, cause),
          );
          await emit(await reply);
        },
        { concurrency, ...(lost && { signal: lost }) },
      );
    },
    async members() {
      const answers = await roll('report');
      const processes = isolation === 'process' ? answers.map(({ member }) => member) : [];
      return { processes, engines: answers.map(({ engine }) => engine) };
    },
    async close() {
      if (!lost?.aborted) await roll('goodbye');
      await pool.end();
    },
  });
}
